#include "sdk/toy_model.h"

#include <espalier/cpp/text.hpp>

namespace espalier::sdk_test {

namespace {

std::int64_t size_of(std::string_view axis) {
  if (axis == "vocab") return 5;
  if (axis == "d_ff") return 3;
  return 2;  // d_model, q, kv
}

}  // namespace

esp_dims toy_dims(std::int64_t num_layers) {
  esp_dims dims{};
  dims.struct_size = sizeof(esp_dims);
  dims.num_layers = num_layers;
  dims.d_model = dims.head_dim = 2;
  dims.num_heads = dims.num_kv_heads = 1;
  dims.d_ff = 3;
  dims.vocab_size = 5;
  dims.seq_len = 4;
  dims.norm_eps = 1e-5;
  return dims;
}

ToyModel::ToyModel(std::int64_t num_layers) {
  add(-1, "embed", "weight", {"vocab", "d_model"});
  for (std::int32_t i = 0; i < num_layers; ++i) {
    for (const char* leaf : {"weight", "bias"}) {
      add(i, "norm1", leaf, {"d_model"});
      add(i, "norm2", leaf, {"d_model"});
    }
    for (const char* role : {"attn.q", "attn.k", "attn.v", "attn.o"}) {
      add(i, role, "weight", {"d_model", "d_model"});
      add(i, role, "bias", {"d_model"});
    }
    add(i, "mlp.up", "weight", {"d_ff", "d_model"});
    add(i, "mlp.up", "bias", {"d_ff"});
    add(i, "mlp.down", "weight", {"d_model", "d_ff"});
    add(i, "mlp.down", "bias", {"d_model"});
  }
  add(-1, "final_norm", "weight", {"d_model"});
  add(-1, "lm_head", "weight", {"vocab", "d_model"});
  table_.struct_size = sizeof(esp_arch);
  table_.flags = ESP_ARCH_LAYERNORM | ESP_ARCH_BIAS;
  table_.dims = toy_dims(num_layers);
  table_.num_params = infos_.size();
  table_.params = infos_.data();
}

void ToyModel::add(std::int32_t layer, const std::string& role, const std::string& leaf,
                   std::vector<const char*> axes) {
  Text& text = texts_.emplace_back();
  text.name = (layer < 0 ? "" : sdk::cat("layers.", layer, ".")) + role + "." + leaf;
  text.role = role;
  for (const char* axis : axes) {
    text.shape.push_back(size_of(axis));
    text.axes.push_back(sdk::str(axis));
  }
  markers[text.name] = 0;
  infos_.push_back({sdk::str(text.name), sdk::str(text.role), layer, static_cast<std::int32_t>(axes.size()),
                    text.shape.data(), text.axes.data()});
}

void ToyModel::label_layers(const std::vector<double>& labels) {
  for (const esp_param_info& info : infos_) {
    markers[std::string(sdk::view(info.name))] = info.layer < 0 ? -1 : labels.at(static_cast<std::size_t>(info.layer));
  }
}

}  // namespace espalier::sdk_test
