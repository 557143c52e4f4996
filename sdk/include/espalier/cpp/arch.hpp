// The model as a strategy sees it: sizes and named parameters, never values.
#pragma once

#include <espalier/growth.h>
#include <espalier/cpp/error.hpp>
#include <espalier/cpp/sized.hpp>
#include <espalier/cpp/span.hpp>

#include <string>
#include <unordered_map>
#include <vector>

namespace espalier::sdk {

/// The sizes of a transformer. Growth may change the first six and norm_eps.
struct Dims {
  std::int64_t num_layers = 0, d_model = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0, d_ff = 0;
  std::int64_t vocab_size = 0, seq_len = 0;
  double norm_eps = 0;

  static Dims from(const esp_dims& d) {
    return Dims{d.num_layers, d.d_model,    d.num_heads, d.num_kv_heads, d.head_dim,
                d.d_ff,       d.vocab_size, d.seq_len,   d.norm_eps};
  }

  /// struct_size is left to the caller.
  esp_dims plain() const {
    esp_dims d{};
    d.num_layers = num_layers, d.d_model = d_model, d.num_heads = num_heads, d.num_kv_heads = num_kv_heads;
    d.head_dim = head_dim, d.d_ff = d_ff, d.vocab_size = vocab_size, d.seq_len = seq_len;
    d.norm_eps = norm_eps;
    return d;
  }

  /// Equal apart from the number of layers?
  bool same_width(const Dims& other) const {
    return d_model == other.d_model && num_heads == other.num_heads && num_kv_heads == other.num_kv_heads &&
           head_dim == other.head_dim && d_ff == other.d_ff && vocab_size == other.vocab_size &&
           seq_len == other.seq_len;
  }
};

/// One named parameter. A view: valid during the call that showed it.
class Param {
 public:
  explicit Param(const esp_param_info* info) : info_(info) {}

  std::string_view name() const { return view(info_->name); }  ///< unique within the model
  std::string_view role() const { return view(info_->role); }  ///< "attn.q", "mlp.down", "norm1", "embed", ...
  /// The last part of the name: "weight" or "bias".
  std::string_view leaf() const { return name().substr(name().rfind('.') + 1); }
  std::int32_t layer() const { return info_->layer; }  ///< -1 outside the blocks
  bool in_block() const { return info_->layer >= 0; }
  Span<const std::int64_t> shape() const {
    return Span<const std::int64_t>(info_->shape, static_cast<std::size_t>(info_->ndim));
  }
  /// What dimension `dim` counts: "d_model", "q", "kv", "d_ff", "vocab" or "seq".
  std::string_view axis(std::size_t dim) const { return view(info_->axes[dim]); }

 private:
  const esp_param_info* info_;
};

/// A model's shape. A view: valid during the call that showed it.
class Arch {
 public:
  explicit Arch(const esp_arch* raw) : plain_(sized_copy(raw)) {
    for (std::uint64_t i = 0; i < plain_.num_params; ++i) {
      const Param param(&plain_.params[i]);
      by_place_.emplace(place(param.layer(), param.role(), param.leaf()), i);
      params_.push_back(param);
    }
  }

  Dims dims() const { return Dims::from(plain_.dims); }
  std::int64_t num_layers() const { return plain_.dims.num_layers; }
  double norm_eps() const { return plain_.dims.norm_eps; }
  /// One of the ESP_ARCH_* facts.
  bool is(std::uint32_t flag) const { return (plain_.flags & flag) != 0; }
  const std::vector<Param>& params() const { return params_; }

  /// The parameter at a place; throws Error where this model has none. layer is -1 outside the blocks.
  const Param& find(std::int32_t layer, std::string_view role, std::string_view leaf) const {
    const auto found = by_place_.find(place(layer, role, leaf));
    if (found == by_place_.end()) throw invalid("the model has no parameter ", place(layer, role, leaf));
    return params_[found->second];
  }

  /// The parameter with the role of `like`, in layer `layer` of this model.
  const Param& find_like(const Param& like, std::int32_t layer) const { return find(layer, like.role(), like.leaf()); }

 private:
  static std::string place(std::int32_t layer, std::string_view role, std::string_view leaf) {
    return cat("layer ", layer, " ", role, ".", leaf);
  }

  esp_arch plain_;
  std::vector<Param> params_;
  std::unordered_map<std::string, std::size_t> by_place_;
};

}  // namespace espalier::sdk
