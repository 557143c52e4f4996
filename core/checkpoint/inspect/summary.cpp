#include "core/checkpoint/inspect/summary.h"

#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/checkpoint/snapshot/state_json.h"
#include "core/growth/plan_text.h"

namespace espalier {

using nlohmann::json;

namespace {

json lines_of(const GrowthEvent& event, const fs::path& dir) {
  try {
    return growth::plan_lines(growth::plan_of_bytes(event.plan_bytes, event.from, event.to, "the stored plan"));
  } catch (const Error& error) {
    throw Error(ErrorCode::checkpoint,
                fmt::format("the plan of the growth at step {} cannot be read: {}", event.step, error.message()),
                (dir / "espalier/plans" / (event.plan_hash + ".bin")).string());
  }
}

json sizes_of(const fs::path& dir) {
  json sizes = json::object();
  const Manifest manifest = Manifest::read(dir);
  for (const auto& [name, hash] : manifest.files()) sizes[name] = fs::file_size(dir / name);
  return sizes;
}

std::string text_of(const json& value) {
  return value.is_string() ? valid_utf8(value.get<std::string>()) : value.dump();
}

}  // namespace

json checkpoint_summary(const fs::path& dir, bool plans) {
  const Snapshot snapshot = load_checkpoint(dir);
  const TrainState& state = snapshot.state;
  json lineage = lineage_to_json(state.lineage);
  if (plans)
    for (size_t i = 0; i < lineage.size(); ++i) lineage[i]["plan"] = lines_of(state.lineage[i], dir);
  json files = sizes_of(dir), operators;
  uint64_t bytes = 0;
  for (const auto& [name, size] : files.items()) bytes += size.get<uint64_t>();
  if (state.operators)
    operators = {{"stage", state.operators->stage}, {"start", state.operators->start}, {"done", state.operators->done}};
  return {{"checkpoint", dir.string()},
          {"step", state.step},
          {"tokens", state.tokens},
          {"flops", state.flops},
          {"stage", state.stage},
          {"architecture", spec_to_json(state.spec)},
          {"num_params", num_params(state.spec)},
          {"gates", state.gates.has_value()},
          {"operators", operators},
          {"lineage", lineage},
          {"plugins", plugins_to_json(snapshot.plugins)},
          {"initial_weights", state.origin ? initial_to_json(*state.origin) : json()},
          {"left_out", snapshot.left_out},
          {"bytes", bytes},
          {"files", files}};
}

std::string summary_text(const json& s) {
  std::string out = fmt::format("{}\nstep {}, {} tokens, {} FLOPs, stage {}\n{} parameters, {}B in {} files\n",
                                text_of(s["checkpoint"]), with_commas(s["step"]), with_commas(s["tokens"]),
                                human_count(s["flops"]), s["stage"].get<int64_t>() + 1, with_commas(s["num_params"]),
                                human_count(s["bytes"].get<double>()), s["files"].size());
  out += "\narchitecture\n";
  for (const auto& [key, value] : s["architecture"].items()) out += fmt::format("  {} = {}\n", key, text_of(value));
  if (s["gates"].get<bool>()) out += "\nparts that were added are still fading in (gates.safetensors)\n";
  if (!s["operators"].is_null())
    out += fmt::format("\na growth operator is being learned: {} steps since step {}\n",
                       s["operators"]["done"].get<int64_t>(), s["operators"]["start"].get<int64_t>());
  if (!s["initial_weights"].is_null())
    out += fmt::format("\nfirst weights from {}\n", text_of(s["initial_weights"]["path"]));
  for (const json& event : s["lineage"]) {
    out += fmt::format("\ngrowth at step {}, stage {}\n", text_of(event["step"]), event["stage"].get<int64_t>() + 1);
    for (const auto& [key, value] : event.items())
      if (key != "step" && key != "stage" && key != "plan" && !value.is_structured())
        out += fmt::format("  {} = {}\n", key, text_of(value));
    if (event["from"].is_object() && event["to"].is_object())
      for (const auto& [key, value] : event["to"].items())
        if (event["from"].value(key, json()) != value)
          out += fmt::format("  {}: {} -> {}\n", key, text_of(event["from"].value(key, json())), text_of(value));
    if (const auto plugin = event.find("plugin"); plugin != event.end() && plugin->is_object())
      out += fmt::format("  plugin = {}\n", text_of(plugin->value("id", json("?"))));
    if (event.contains("plan"))
      for (const json& line : event["plan"]) out += fmt::format("    {}\n", text_of(line));
  }
  if (!s["plugins"].empty()) out += "\nplugins\n";
  for (const json& plugin : s["plugins"])
    out += fmt::format("  {}: {} {}, sha256 {}\n", text_of(plugin["slot"]), text_of(plugin["id"]),
                       text_of(plugin["version"]), text_of(plugin["sha256"]).substr(0, 12));
  for (const json& slot : s["left_out"])
    out += fmt::format("the state of {} could not be saved and is left out\n", text_of(slot));
  out += "\nfiles\n";
  for (const auto& [name, size] : s["files"].items())
    out += fmt::format("  {:>14}  {}\n", with_commas(size.get<int64_t>()), valid_utf8(name));
  return out;
}

}  // namespace espalier
