#include "core/checkpoint/snapshot/state_json.h"

#include <fmt/format.h>

#include <limits>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/hf_config.h"

namespace espalier {

using nlohmann::json;

namespace {

json plugin_to_json(const PluginRecord& plugin) {
  return {{"slot", plugin.slot},       {"id", plugin.id},
          {"version", plugin.version}, {"sha256", plugin.sha256},
          {"path", plugin.path},       {"params", own_json(plugin.params_json.empty() ? "{}" : plugin.params_json)}};
}

JsonObject object_of(const json& value, const std::string& place, const char* name) {
  return {value, ErrorCode::checkpoint, place, name};
}

PluginRecord plugin_from_json(const JsonObject& entry) {
  return {entry.text("slot"),
          entry.text("id"),
          entry.text("version"),
          entry.text("sha256"),
          dump_json(entry.object("params").value()),
          entry.text("path", "")};
}

}  // namespace

json spec_to_json(const ModelSpec& s) {
  json config = hf_config(s, -1);
  config["espalier_layout"] = hf_layout(s);
  return config;
}

json lineage_to_json(const std::vector<GrowthEvent>& lineage) {
  json out = json::array();
  for (const auto& event : lineage)
    out.push_back({{"step", event.step},
                   {"tokens", event.tokens},
                   {"stage", event.stage},
                   {"from", spec_to_json(event.from)},
                   {"to", spec_to_json(event.to)},
                   {"plan_sha256", event.plan_hash},
                   {"plan_flops", event.plan_flops},
                   {"parent", fmt::format("step-{:08}", event.step)},
                   {"plugin", plugin_to_json(event.plugin)},
                   {"loss_before", event.audit.loss_before},
                   {"loss_after", event.audit.loss_after},
                   {"max_logit_diff", event.audit.max_logit_diff},
                   {"grad_norm_before", event.audit.grad_norm_before},
                   {"grad_norm_after", event.audit.grad_norm_after},
                   {"dead_units", event.audit.dead_units},
                   {"layer_similarity", event.audit.layer_similarity},
                   {"operator_steps", event.operator_steps}});
  return out;
}

std::vector<GrowthEvent> lineage_from_json(const json& array, const std::string& place) {
  std::vector<GrowthEvent> out;
  for (const auto& item : array) {
    const JsonObject entry = object_of(item, place, "lineage");
    GrowthEvent event;
    event.step = entry.integer("step");
    event.tokens = entry.integer("tokens");
    event.stage = entry.integer("stage");
    event.from = spec_from_hf(entry.at("from"), place);
    event.to = spec_from_hf(entry.at("to"), place);
    event.plan_hash = entry.text("plan_sha256");
    event.plan_flops = entry.number("plan_flops");
    event.plugin = plugin_from_json(entry.object("plugin"));
    // A figure that was not finite is null.
    const auto figure = [&](const char* key) { return entry.number(key, std::numeric_limits<double>::quiet_NaN()); };
    event.audit = {figure("loss_before"),
                   figure("loss_after"),
                   figure("max_logit_diff"),
                   num_params(event.from),
                   num_params(event.to),
                   entry.number("grad_norm_before", 0.0),
                   entry.number("grad_norm_after", 0.0),
                   entry.integer("dead_units", 0),
                   entry.number("layer_similarity", 0.0)};
    event.operator_steps = entry.integer("operator_steps", 0);
    out.push_back(std::move(event));
  }
  return out;
}

json initial_to_json(const InitialWeights& initial) {
  return {{"path", valid_utf8(initial.path)}, {"model_sha256", initial.sha256},    {"step", initial.step},
          {"tokens", initial.tokens},         {"lr_last", initial.lr_last},        {"optimizer", initial.optimizer},
          {"val_loss", initial.val_loss},     {"config", own_json(initial.config)}};
}

InitialWeights initial_from_json(const json& value, const std::string& place) {
  const JsonObject entry = object_of(value, place, "initial_weights");
  InitialWeights out{entry.text("path"),
                     entry.text("model_sha256"),
                     entry.integer("step"),
                     entry.integer("tokens"),
                     entry.number("lr_last"),
                     entry.flag("optimizer"),
                     {}};
  const JsonObject losses = entry.object("val_loss");
  for (const auto& [source, loss] : losses.value().items())
    if (!loss.is_null()) out.val_loss[source] = losses.number(source.c_str());  // null: it was not finite
  if (entry.has("config")) out.config = dump_json(entry.object("config").value());
  return out;
}

json plugins_to_json(const std::vector<PluginRecord>& plugins) {
  json out = json::array();
  for (const auto& plugin : plugins) out.push_back(plugin_to_json(plugin));
  return out;
}

std::vector<PluginRecord> plugins_from_json(const json& array, const std::string& place) {
  std::vector<PluginRecord> out;
  for (const auto& entry : array) out.push_back(plugin_from_json(object_of(entry, place, "plugins")));
  return out;
}

}  // namespace espalier
