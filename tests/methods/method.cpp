#include "methods/method.h"

#include "core/base/rng.h"
#include "core/plugin/registry.h"

namespace espalier::test {
namespace {

plugin::Registry& registry() {
  static plugin::Registry shared([] {
    plugin::RegistryOptions options;
    options.arguments = {TEST_PLUGINS};
    options.exe = TEST_PROBE_EXE;
    options.prefix = "/nowhere";
    options.shipped = TEST_PLUGINS;
    return options;
  }());
  return shared;
}

ParamValue scalar(ParamScalar value) {
  return {false, {std::move(value)}, "test.toml:1:1"};
}

at::Tensor next_token_loss(const Model& model, const ParamTable& params, const at::Tensor& tokens,
                           const StepShape& shape) {
  const int64_t inputs = tokens.size(1) - 1;
  return forward_loss(model.spec, params, tokens.narrow(1, 0, inputs), tokens.narrow(1, 1, inputs), shape,
                      ComputeType::fp64);
}

}  // namespace

Setting::Setting(int number) : value(scalar(int64_t{number})) {}
Setting::Setting(double number) : value(scalar(number)) {}
Setting::Setting(bool flag) : value(scalar(flag)) {}
Setting::Setting(const char* text) : value(scalar(std::string(text))) {}
Setting::Setting(std::vector<int64_t> numbers) : value{true, {}, "test.toml:1:1"} {
  for (const int64_t number : numbers) value.items.emplace_back(number);
}

Model random_model(const ModelSpec& spec, uint64_t seed) {
  const Rng rng(seed, "test/model");
  uint64_t index = 0;
  const auto noise = [&](const ParamInfo& info, double std) {
    at::Tensor out = at::empty(info.shape, at::kFloat);
    rng.normal(std::span(out.mutable_data_ptr<float>(), static_cast<size_t>(out.numel())), index++);
    return out.to(at::kDouble).mul_(std);
  };
  Model model;
  model.spec = spec;
  model.params = ParamTable(spec, [&](const ParamInfo& info) {
    const bool gain = !info.is_matrix() && info.name.ends_with(".weight");
    return gain ? noise(info, 0.2).add_(1.0) : noise(info, 0.2);
  });
  for (const auto& param : model.params)
    model.state[param.info.name] = {noise(param.info, 1.0), noise(param.info, 1.0).square_(), 10};
  return model;
}

plugin::GrowthPlugin make_method(const std::string& name, const Settings& settings, uint64_t seed) {
  PluginChoice choice{name, "test.toml:1:1", {}};
  for (const auto& [key, setting] : settings) choice.params.emplace(key, setting.value);
  plugin::PluginSetup setup;
  setup.seed = seed;
  setup.run.total_steps = 1000;
  setup.run.tokens_per_step = 1024;
  return plugin::make_growth(registry(), choice, setup);
}

Model grow(growth::Strategy& strategy, const Model& from, const ModelSpec& to, uint64_t seed, int64_t event) {
  const growth::Plan plan = strategy.plan(from.spec, to);
  growth::Grown grown = growth::execute(plan, to, from.params, from.state, seed, event, "test");
  return {to, std::move(grown.params), std::move(grown.state)};
}

at::Tensor random_tokens(const ModelSpec& spec, int64_t batch, uint64_t seed) {
  const Rng rng(seed, "test/tokens");
  at::Tensor out = at::empty({batch, spec.seq_len}, at::kLong);
  int64_t* ids = out.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < out.numel(); ++i)
    ids[i] = static_cast<int64_t>(rng.uniform(static_cast<uint64_t>(i)) * static_cast<double>(spec.vocab_size));
  return out;
}

at::Tensor logits(const Model& model, const at::Tensor& tokens) {
  return logits(model, tokens, StepShape::everything(model.spec.num_layers));
}

at::Tensor logits(const Model& model, const at::Tensor& tokens, const StepShape& shape) {
  return forward_logits(model.spec, model.params, tokens, shape, ComputeType::fp64).detach();
}

double loss(const Model& model, const at::Tensor& tokens) {
  return next_token_loss(model, model.params, tokens, StepShape::everything(model.spec.num_layers)).item<double>();
}

std::map<std::string, at::Tensor> gradients(const Model& model, const at::Tensor& tokens) {
  return gradients(model, tokens, StepShape::everything(model.spec.num_layers));
}

std::map<std::string, at::Tensor> gradients(const Model& model, const at::Tensor& tokens, const StepShape& shape) {
  const ParamTable leaves =
      model.params.transformed([](const Param& param) { return param.value.detach().clone().set_requires_grad(true); });
  next_token_loss(model, leaves, tokens, shape).backward();
  std::map<std::string, at::Tensor> out;
  for (const auto& param : leaves)
    if (param.value.grad().defined()) out[param.info.name] = param.value.grad();
  return out;
}

double max_diff(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace espalier::test
