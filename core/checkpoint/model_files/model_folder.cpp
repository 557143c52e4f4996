#include "core/checkpoint/model_files/model_folder.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/log.h"
#include "core/checkpoint/model_files/gates_file.h"
#include "core/checkpoint/model_files/hf_param_names.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "core/checkpoint/model_files/safetensors.h"

namespace espalier {

using nlohmann::json;

namespace {
constexpr auto kCode = ErrorCode::checkpoint;
}

void write_model(const fs::path& dir, const ModelSpec& spec, const ParamTable& params,
                 const std::optional<StepShape>& gates, int64_t eos_token_id, const std::string& original) {
  const PlainModel plain = gates ? plain_model(spec, params, *gates) : PlainModel{spec, params};
  json config = hf_config(plain.spec, eos_token_id, original);
  if (!plain.folded) {
    mark_not_plain(config);
    log_warning(
        "{}: new parts of the model are still fading in and cannot be folded into the weights (LayerNorm with "
        "a stream gate): Espalier reads this checkpoint, other programs cannot",
        dir.stem().string());
  }
  write_file(dir / "config.json", config.dump(2) + "\n", kCode);
  write_safetensors(dir / "model.safetensors", to_hf(plain.spec, plain.params));
  if (gates) write_safetensors(dir / kGatesFile, gates_file(params, plain, *gates));
}

namespace {

LoadedModel read_model(const fs::path& dir) {
  std::optional<Manifest> manifest;
  if (fs::exists(dir / "espalier" / "manifest.json")) manifest = Manifest::read(dir);
  const bool gated = manifest && manifest->has(kGatesFile);
  const fs::path path = dir / "config.json";
  json config = parse_json(read_file(path, kCode), kCode, path.string());
  if (gated) {  // config.json describes the folded model, or says that there is none
    json own = manifest->root().at("architecture");
    for (const char* key : {"bos_token_id", "eos_token_id"})
      if (config.contains(key)) own[key] = config[key];
    config = std::move(own);
  }
  LoadedModel out;
  out.dir = dir;
  out.config = read_hf_config(config, path.string());
  out.spec = out.config.spec;
  out.params = from_hf(out.spec, ModelWeights(dir));
  out.shape =
      gated ? read_gates_file(dir / kGatesFile, out.spec, out.params) : StepShape::everything(out.spec.num_layers);
  return out;
}

}  // namespace

std::optional<LoadedModel> find_model(const fs::path& path) {
  LoadedModel out;
  if (!open_model(path, [&](const fs::path& dir) { out = read_model(dir); })) return std::nullopt;
  return out;
}

LoadedModel load_model(const fs::path& path) {
  if (auto found = find_model(path)) return *std::move(found);
  throw Error(kCode, "is not a model folder: it has no config.json", path.string(),
              "give a checkpoint such as runs/NAME/checkpoints/step-00000100, the folder of a run that has one, or a "
              "Hugging Face model folder");
}

}  // namespace espalier
