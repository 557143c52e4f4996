#include <fmt/format.h>

#include "core/base/control_characters.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"
#include "core/checkpoint/inspect/summary.h"

namespace espalier {

using nlohmann::json;

namespace {

std::string text_of(const json& value) {
  return one_line(value.is_string() ? value.get<std::string>() : dump_json(value));
}

std::string short_hash(const json& hash) {
  return one_line(hash.get<std::string>().substr(0, 12));
}

// Counted from 1, as everywhere in texts. A stranger's may be any number.
std::string stage_text(const json& stage) {
  return std::to_string(static_cast<uint64_t>(stage.get<int64_t>()) + 1);
}

std::string plugin_text(const json& plugin) {
  return fmt::format("{} {}, sha256 {}", text_of(plugin["id"]), text_of(plugin["version"]),
                     short_hash(plugin["sha256"]));
}

// "F32: 57 tensors, 94,464 values"
std::string types_text(const json& types) {
  std::string out;
  for (const auto& [type, has] : types.items())
    out += fmt::format("{}{}: {} tensors, {} values", out.empty() ? "" : "; ", one_line(type),
                       with_commas(has["tensors"].get<int64_t>()), with_commas(has["values"].get<int64_t>()));
  return out;
}

std::string growth_text(const json& event) {
  std::string out = fmt::format("\ngrowth at step {}, stage {}\n", text_of(event["step"]), stage_text(event["stage"]));
  const json &from = event["from"], &to = event["to"], &count = event["num_params"];
  out += fmt::format("  parameters: {} -> {}\n", with_commas(count[0].get<int64_t>()),
                     with_commas(count[1].get<int64_t>()));
  for (const auto& [key, value] : to.items())
    if (const json before = from.value(key, json()); before != value)
      out += fmt::format("  {}: {} -> {}\n", one_line(key), text_of(before), text_of(value));
  out += fmt::format("  plugin = {}\n", plugin_text(event["plugin"]));
  for (const auto& [key, value] : event.items())
    if (key != "step" && key != "stage" && !value.is_structured())
      out += fmt::format("  {} = {}\n", one_line(key), text_of(value));
  if (event.contains("plan"))
    for (const json& line : event["plan"]) out += fmt::format("    {}\n", text_of(line));
  return out;
}

}  // namespace

std::string summary_text(const json& s) {
  std::string out = fmt::format("{}\nstep {}, {} tokens, {} FLOPs, stage {}\n{} parameters; {}B in {} files; {}\n",
                                text_of(s["checkpoint"]), with_commas(s["step"].get<int64_t>()),
                                with_commas(s["tokens"].get<int64_t>()), human_count(s["flops"].get<double>()),
                                stage_text(s["stage"]), with_commas(s["num_params"].get<int64_t>()),
                                human_count(s["bytes"].get<double>()), s["files"].size(), types_text(s["types"]));
  out += "\narchitecture\n";
  for (const auto& [key, value] : s["architecture"].items())
    out += fmt::format("  {} = {}\n", one_line(key), text_of(value));
  if (s["gates"].get<bool>()) out += "\nparts that were added are still fading in (gates.safetensors)\n";
  if (!s["operators"].is_null())
    out += fmt::format("\na growth operator is being learned: {} steps since step {}\n",
                       s["operators"]["done"].get<int64_t>(), s["operators"]["start"].get<int64_t>());
  if (const json& first = s["initial_weights"]; !first.is_null())
    out += fmt::format("\nfirst weights from {} ({}, sha256 {})\n", text_of(first["path"]),
                       first["optimizer"].get<bool>() ? "with moments" : "without moments",
                       short_hash(first["model_sha256"]));
  for (const json& event : s["lineage"]) out += growth_text(event);
  if (!s["plugins"].empty()) out += "\nplugins\n";
  for (const json& plugin : s["plugins"])
    out += fmt::format("  {}: {}\n", text_of(plugin["slot"]), plugin_text(plugin));
  for (const json& slot : s["left_out"])
    out += fmt::format("the state of {} could not be saved and is left out\n", text_of(slot));
  out += "\nfiles\n";
  for (const auto& [name, size] : s["files"].items()) {
    out += fmt::format("  {:>14}  {}", with_commas(size.get<int64_t>()), one_line(name));
    if (const auto types = s["tensors"].find(name); types != s["tensors"].end() && !types->empty())
      out += fmt::format(" ({})", types_text(*types));
    out += "\n";
  }
  return out;
}

}  // namespace espalier
