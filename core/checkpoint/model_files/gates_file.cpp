#include "core/checkpoint/model_files/gates_file.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/model/fold_gates.h"

namespace espalier {
namespace {

constexpr const char *kScale = "gates/scale", *kHeads = "gates/heads", *kUnits = "gates/units",
                     *kStream = "gates/stream", *kWeights = "weights/";

at::Tensor checked(const TensorMap& tensors, const std::string& name, const std::vector<int64_t>& shape,
                   const fs::path& path) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) return {};
  if (it->second.sizes().vec() != shape || it->second.scalar_type() != at::kFloat)
    throw Error(ErrorCode::checkpoint, fmt::format("'{}' does not fit the model of the manifest", name), path.string());
  return it->second;
}

}  // namespace

PlainModel plain_model(const ModelSpec& spec, const ParamTable& params, const StepShape& gates) {
  if (auto folded = fold_gates(spec, params, gates)) return {folded->spec, std::move(folded->params), true};
  return {spec, params, false};
}

void mark_not_plain(nlohmann::json& config) {
  config.erase("architectures");
  config["model_type"] = "espalier-gated";
  config["espalier_gates"] =
      "parts of this model are still fading in, which no plain layout can express: read it with Espalier, or take a "
      "later checkpoint";
}

TensorMap gates_file(const ParamTable& params, const PlainModel& plain, const StepShape& gates) {
  TensorMap out;
  const auto put = [&](const char* name, const std::vector<float>& values) {
    if (!values.empty()) out[name] = at::tensor(values, at::kFloat);
  };
  put(kScale, gates.scale);
  put(kHeads, gates.head_gate);
  put(kUnits, gates.unit_gate);
  put(kStream, gates.stream_gate);
  for (const auto& param : params)
    if (!param.value.equal(plain.params.at(param.info.name))) out[kWeights + param.info.name] = param.value.detach();
  return out;
}

StepShape read_gates_file(const fs::path& path, const ModelSpec& spec, ParamTable& params) {
  const TensorMap tensors = read_safetensors(path);
  params = params.transformed([&](const Param& param) {
    const at::Tensor own = checked(tensors, kWeights + param.info.name, param.info.shape, path);
    return own.defined() ? own : param.value;
  });
  const auto gates = [&](const char* name, int64_t size) {
    const at::Tensor values = checked(tensors, name, {size}, path);
    if (!values.defined()) return std::vector<float>();
    if (!values.isfinite().all().item<bool>())
      throw Error(ErrorCode::checkpoint, fmt::format("'{}' holds values that are not finite", name), path.string());
    const float* data = values.const_data_ptr<float>();
    return std::vector<float>(data, data + size);
  };
  StepShape shape = StepShape::everything(spec.num_layers);
  if (auto scale = gates(kScale, spec.num_layers); !scale.empty()) shape.scale = std::move(scale);
  shape.head_gate = gates(kHeads, spec.num_layers * spec.num_heads);
  shape.unit_gate = gates(kUnits, spec.num_layers * spec.d_ff);
  shape.stream_gate = gates(kStream, spec.d_model);
  shape.in_evaluation = true;
  return shape;
}

}  // namespace espalier
