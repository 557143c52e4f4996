// A model's folder in the Hugging Face layout: config.json, the weights, and where it is ours the gates they run with.
#pragma once

#include <optional>
#include <string>

#include "core/base/file.h"
#include "core/checkpoint/model_files/hf_config.h"
#include "core/model/param_table.h"
#include "core/model/step_shape.h"

namespace espalier {

// What plain readers of the layout see: config.json and model.safetensors, with gates folded in where that is exact; a
// warning where it is not. `gates` are kept beside them, in a folder espalier/ that is there. `original`: JSON of the
// config.json that the model came from, {} for one of our own. Throws Error(checkpoint).
void write_model(const fs::path& dir, const ModelSpec& spec, const ParamTable& params,
                 const std::optional<StepShape>& gates, int64_t eos_token_id, const std::string& original);

// Weights alone, from a checkpoint of ours or any folder with config.json and model.safetensors (or several files and
// their index).
struct LoadedModel {
  ModelSpec spec;
  ParamTable params;
  fs::path dir;     // where they lie
  StepShape shape;  // how it is evaluated: gates that were still closed when it was saved
  HfConfig config;  // what else its config.json says
};
// `path`: such a folder, or that of a run, whose newest valid checkpoint it then is. Damaged ones are named in the log.
// Nothing when there is no model, Error(checkpoint) when there is no whole one.
std::optional<LoadedModel> find_model(const fs::path& path);
// The same with an Error(checkpoint) when there is none.
LoadedModel load_model(const fs::path& path);

}  // namespace espalier
