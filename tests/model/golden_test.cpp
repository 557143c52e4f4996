// Logits, loss and gradients against PyTorch's Python (golden/make_golden.py). fp64 to 1e-11: the file holds 13 digits.
// fp32 to 8 times PyTorch's own distance from float64 on the same numbers, as kernels add up in another order.
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "model/golden/golden.h"
#include "model/oracle_cases.h"

using namespace espalier;
using nlohmann::json;

namespace {

ModelSpec spec_of(const json& from) {
  ModelSpec spec;
  spec.num_layers = from["num_layers"];
  spec.d_model = from["d_model"];
  spec.num_heads = from["num_heads"];
  spec.num_kv_heads = from["num_kv_heads"];
  spec.head_dim = from["head_dim"];
  spec.d_ff = from["d_ff"];
  spec.vocab_size = from["vocab_size"];
  spec.seq_len = from["seq_len"];
  spec.norm = norm_of(from["norm"].get<std::string>()).value();
  spec.position = position_of(from["position"].get<std::string>()).value();
  spec.activation = activation_of(from["activation"].get<std::string>()).value();
  spec.attention_bias = from["attention_bias"];
  spec.mlp_bias = from["mlp_bias"];
  spec.tie_embeddings = from["tie_embeddings"];
  spec.norm_eps = from["norm_eps"];
  spec.rope_theta = from["rope_theta"];
  if (const json& scaling = from["rope_scaling"]; !scaling.is_null())
    spec.rope_scaling = {RopeScaling::Type::llama3, scaling["factor"], scaling["low_freq_factor"],
                         scaling["high_freq_factor"], scaling["original_max_position_embeddings"]};
  return spec;
}

std::vector<int64_t> flat(const json& rows) {
  std::vector<int64_t> out;
  for (const auto& row : rows)
    for (const int64_t value : row) out.push_back(value);
  return out;
}

oracle::Case case_of(const std::string& name, const json& golden) {
  const ModelSpec spec = spec_of(golden["spec"]);
  oracle::Model model{spec, {}};
  for (const ParamInfo& info : param_infos(spec)) {
    const bool gain = info.name.find("norm") != std::string::npos && info.name.ends_with(".weight");
    const at::Tensor values = golden::fp32_exact(golden::formula(info.name, info.shape, 1.2) + (gain ? 1 : 0));
    const double* numbers = values.const_data_ptr<double>();
    model.params[info.name].assign(numbers, numbers + values.numel());
  }
  const bool documents = !golden["segments"].empty();
  return {name,
          model,
          {2, 8, flat(golden["tokens"]), flat(golden["targets"]), flat(golden["segments"]), documents},
          StepShape::everything(spec.num_layers)};
}

void compare_gradients(const ParamTable& params, const json& golden, double tolerance) {
  CHECK(params.size() == golden.size());
  for (const auto& param : params) {
    INFO(param.info.name);
    const at::Tensor grad = param.value.grad().flatten().to(at::kDouble);
    const json& expected = golden.at(param.info.name);
    double largest = 1e-2;  // the script keeps the largest entry among others
    for (const auto& [place, value] : expected["entries"].items()) largest = std::max(largest, std::abs(double(value)));
    for (const auto& [place, value] : expected["entries"].items())
      CHECK(std::abs(grad[std::stol(place)].item<double>() - double(value)) < tolerance * largest);
    const double entries = std::sqrt(static_cast<double>(grad.numel()));
    CHECK(std::abs(grad.norm().item<double>() - double(expected["norm"])) < tolerance * largest * entries);
  }
}

}  // namespace

TEST_CASE("logits, loss and gradients are those of PyTorch's Python", "[model][golden]") {
  REQUIRE(golden::values()["models"].size() == 5);
  for (const auto& [name, golden] : golden::values()["models"].items()) {
    const oracle::Case one = case_of(name, golden);
    const auto& [title, model, batch, shape] = one;
    const at::Tensor logits = golden::tensor(golden["logits"]);
    const json& rounding = golden["float32"];
    for (const bool wide : {true, false}) {
      INFO(name << (wide ? " in fp64" : " in fp32"));
      const ComputeType compute = wide ? ComputeType::fp64 : ComputeType::fp32;
      const auto tolerance = [&](const char* what) {
        return wide ? 1e-11 : 8 * std::max(double(rounding[what]), 1e-7);
      };
      const ParamTable params = oracle::tensors_of(model, wide ? at::kDouble : at::kFloat);
      require_grad(params);
      const at::Tensor tokens = oracle::ids(batch.tokens, batch), targets = oracle::ids(batch.targets, batch);
      const RowLayout layout = oracle::layout_of(batch);
      CHECK(golden::max_diff(forward_logits(model.spec, params, tokens, shape, compute, layout), logits) <
            tolerance("logits"));
      const at::Tensor loss = forward_loss(model.spec, params, tokens, targets, shape, compute, layout);
      CHECK(std::abs(loss.item<double>() - double(golden["loss"])) < tolerance("loss"));
      loss.backward();
      compare_gradients(params, golden["gradients"], tolerance("gradients"));
    }
  }
}

TEST_CASE("the oracle's logits and loss are those of PyTorch's Python", "[model][golden][oracle]") {
  for (const auto& [name, golden] : golden::values()["models"].items()) {
    INFO(name);
    const oracle::Case one = case_of(name, golden);
    const at::Tensor ours = at::tensor(oracle::logits(one.model, one.batch, one.shape), at::kDouble);
    CHECK(golden::max_diff(ours, golden::tensor(golden["logits"])) < 1e-11);
    CHECK(std::abs(oracle::loss(one.model, one.batch, one.shape) - double(golden["loss"])) < 1e-11);
  }
}
