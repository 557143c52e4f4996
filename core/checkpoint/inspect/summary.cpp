#include "core/checkpoint/inspect/summary.h"

#include "core/base/json.h"
#include "core/checkpoint/inspect/stored_plan.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/snapshot/state_json.h"
#include "core/growth/plan_text.h"

namespace espalier {

using nlohmann::json;

namespace {

json lineage_of(const Found& checkpoint, bool plans) {
  const auto& events = checkpoint.snapshot.state.lineage;
  json out = lineage_to_json(events);
  for (size_t i = 0; i < events.size(); ++i) {
    out[i]["num_params"] = {num_params(events[i].from), num_params(events[i].to)};
    if (plans) out[i]["plan"] = growth::plan_lines(stored_plan(events[i], checkpoint.dir));
  }
  return out;
}

void count(json& types, const TensorEntry& entry) {
  uint64_t values = 1;  // of a type that is not known here the shape was not compared with the bytes
  for (const int64_t size : entry.shape) values *= static_cast<uint64_t>(size);
  json& type = types[entry.dtype];
  if (type.is_null()) type = {{"tensors", uint64_t{0}}, {"values", uint64_t{0}}, {"bytes", uint64_t{0}}};
  type["tensors"] = type["tensors"].get<uint64_t>() + 1;
  type["values"] = type["values"].get<uint64_t>() + values;
  type["bytes"] = type["bytes"].get<uint64_t>() + entry.size;
}

struct Files {
  json sizes = json::object(), tensors = json::object(), types = json::object();
  uint64_t bytes = 0;
};

// The checkpoint was read: its files have been compared with the manifest.
Files files_of(const fs::path& dir) {
  Files out;
  const Manifest manifest(read_file(dir / "espalier" / "manifest.json", ErrorCode::checkpoint), dir);
  for (const auto& [name, hash] : manifest.files()) {
    const uint64_t size = fs::file_size(dir / name);
    out.sizes[name] = size;
    out.bytes += size;
    if (!name.ends_with(".safetensors")) continue;
    json& types = out.tensors[name] = json::object();
    const SafetensorsFile file(dir / name);
    for (const TensorEntry& entry : file.entries()) {
      count(types, entry);
      count(out.types, entry);
    }
  }
  return out;
}

}  // namespace

json checkpoint_summary(const Found& checkpoint, bool plans) {
  const TrainState& state = checkpoint.snapshot.state;
  Files files = files_of(checkpoint.dir);
  json operators;
  if (state.operators)
    operators = {{"stage", state.operators->stage}, {"start", state.operators->start}, {"done", state.operators->done}};
  return {{"checkpoint", checkpoint.dir.string()},
          {"step", state.step},
          {"tokens", state.tokens},
          {"flops", state.flops},
          {"stage", state.stage},
          {"architecture", spec_to_json(state.spec)},
          {"num_params", num_params(state.spec)},
          {"gates", state.gates.has_value()},
          {"operators", operators},
          {"lineage", lineage_of(checkpoint, plans)},
          {"plugins", plugins_to_json(checkpoint.snapshot.plugins)},
          {"initial_weights", state.origin ? initial_to_json(*state.origin) : json()},
          {"left_out", checkpoint.snapshot.left_out},
          {"bytes", files.bytes},
          {"files", std::move(files.sizes)},
          {"tensors", std::move(files.tensors)},
          {"types", std::move(files.types)}};
}

}  // namespace espalier
