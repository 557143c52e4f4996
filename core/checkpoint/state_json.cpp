#include "core/checkpoint/state_json.h"

#include <fmt/format.h>

#include "core/checkpoint/hf_layout.h"

namespace espalier {

using nlohmann::json;

namespace {

json plugin_to_json(const PluginRecord& plugin) {
  return {{"slot", plugin.slot},
          {"id", plugin.id},
          {"version", plugin.version},
          {"sha256", plugin.sha256},
          {"params", json::parse(plugin.params_json.empty() ? "{}" : plugin.params_json)}};
}

PluginRecord plugin_from_json(const json& entry) {
  return {entry.at("slot"), entry.at("id"), entry.at("version"), entry.at("sha256"), entry.at("params").dump()};
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
  for (const auto& entry : array) {
    GrowthEvent event;
    event.step = entry.at("step");
    event.tokens = entry.at("tokens");
    event.stage = entry.at("stage");
    event.from = spec_from_hf(entry.at("from"), place);
    event.to = spec_from_hf(entry.at("to"), place);
    event.plan_hash = entry.at("plan_sha256");
    event.plan_flops = entry.at("plan_flops");
    event.plugin = plugin_from_json(entry.at("plugin"));
    event.audit = {entry.at("loss_before"),
                   entry.at("loss_after"),
                   entry.at("max_logit_diff"),
                   num_params(event.from),
                   num_params(event.to),
                   entry.value("grad_norm_before", 0.0),
                   entry.value("grad_norm_after", 0.0),
                   entry.value("dead_units", int64_t{0}),
                   entry.value("layer_similarity", 0.0)};
    event.operator_steps = entry.value("operator_steps", int64_t{0});
    out.push_back(std::move(event));
  }
  return out;
}

json initial_to_json(const InitialWeights& initial) {
  return {{"path", initial.path},        {"model_sha256", initial.sha256}, {"step", initial.step},
          {"tokens", initial.tokens},    {"lr_last", initial.lr_last},     {"optimizer", initial.optimizer},
          {"val_loss", initial.val_loss}};
}

InitialWeights initial_from_json(const json& entry) {
  return {entry.at("path"),    entry.at("model_sha256"), entry.at("step"),    entry.at("tokens"),
          entry.at("lr_last"), entry.at("optimizer"),    entry.at("val_loss")};
}

json plugins_to_json(const std::vector<PluginRecord>& plugins) {
  json out = json::array();
  for (const auto& plugin : plugins) out.push_back(plugin_to_json(plugin));
  return out;
}

std::vector<PluginRecord> plugins_from_json(const json& array) {
  std::vector<PluginRecord> out;
  for (const auto& entry : array) out.push_back(plugin_from_json(entry));
  return out;
}

}  // namespace espalier
