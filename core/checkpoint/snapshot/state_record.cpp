#include "core/checkpoint/snapshot/state_record.h"

#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

int64_t count(const JsonObject& object, const char* key) {
  const int64_t value = object.integer(key);
  if (value < 0) object.fail(fmt::format("'{}' must be at least 0, not {}", key, value));
  return value;
}

json watch_json(const GrowthWatch& watch) {
  return {{"average", watch.average},        {"weight", watch.weight}, {"samples", watch.samples},
          {"watching", watch.watching},      {"step", watch.step},     {"tokens", watch.tokens},
          {"loss_before", watch.loss_before}};
}

GrowthWatch read_watch(const JsonObject& w) {
  return {w.number("average"), w.number("weight"),  w.integer("samples"),   w.flag("watching"),
          w.integer("step"),   w.integer("tokens"), w.number("loss_before")};
}

json trained_json(const TrainedSteps& trained) {
  json out = json::array();
  for (const auto& span : trained.spans)
    out.push_back({span.start, span.size.sequences, span.size.seq_len, span.size.tokens, span.full_tokens});
  return out;
}

std::vector<int64_t> integers(const JsonObject& object, const char* key, const json& list) {
  std::vector<int64_t> out;
  if (!list.is_array()) object.fail(fmt::format("'{}' must be a list of integers, not {}", key, brief_json(list)));
  for (const json& item : list) {
    if (!item.is_number_integer() || (item.is_number_unsigned() && item.get<uint64_t>() > INT64_MAX))
      object.fail(fmt::format("'{}' must be a list of integers, not {}", key, brief_json(list)));
    out.push_back(item.get<int64_t>());
  }
  return out;
}

TrainedSteps read_trained(const JsonObject& object, const char* key, int64_t steps) {
  TrainedSteps out;
  out.steps = steps;
  int64_t before = -1;
  for (const json& span : object.array(key)) {
    const std::vector<int64_t> n = integers(object, key, span);
    if (n.size() != 5 || n[0] <= before || n[0] >= steps || (before < 0 && n[0] != 0) || n[1] < 1 || n[2] < 1 ||
        n[3] < 1 || n[4] < 1)
      object.fail(fmt::format("'{}' has steps that do not follow each other: {}", key, brief_json(span)));
    out.spans.push_back({n[0], {n[1], n[2], n[3]}, n[4]});
    before = n[0];
  }
  return out;
}

std::vector<std::string> texts(const JsonObject& object, const char* key) {
  std::vector<std::string> out;
  for (const json& item : object.array(key)) {
    if (!item.is_string()) object.fail(fmt::format("'{}' must be a list of texts", key));
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

std::string write_state(const StateRecord& record) {
  json operators;
  if (record.operators)
    operators = {{"stage", record.operators->stage},
                 {"start", record.operators->start},
                 {"done", record.operators->done},
                 {"plan_sha256", record.operators->plan_hash}};
  json out = {{"step", record.step},
              {"operators", operators},
              {"watch", watch_json(record.watch)},
              {"tokens", record.tokens},
              {"flops", record.flops},
              {"stage", record.stage},
              {"stage_start", record.stage_start},
              {"stage_starts", record.stage_starts},
              {"trained", trained_json(record.trained)},
              {"lr_previous", record.lr_previous},
              {"optimizer_steps", record.optimizer_steps},
              {"data", own_json(record.data)}};
  if (!record.left_out.empty()) out["plugin_state_left_out"] = record.left_out;
  return out.dump(2) + "\n";
}

StateRecord read_state(std::string_view text, const std::string& place) {
  const json root = parse_json(text, ErrorCode::checkpoint, place, {}, JsonKeys::unique);
  const JsonObject state(root, ErrorCode::checkpoint, place);
  StateRecord out;
  out.step = count(state, "step");
  out.tokens = count(state, "tokens");
  out.flops = state.number("flops");
  out.stage = count(state, "stage");
  out.stage_start = count(state, "stage_start");
  out.lr_previous = state.number("lr_previous");
  if (state.has("stage_starts")) out.stage_starts = integers(state, "stage_starts", state.array("stage_starts"));
  out.trained.steps = out.step;
  if (state.has("trained")) out.trained = read_trained(state, "trained", out.step);
  if (state.has("plugin_state_left_out")) out.left_out = texts(state, "plugin_state_left_out");
  if (state.has("operators")) {
    const JsonObject o = state.object("operators");
    out.operators = {count(o, "stage"), count(o, "start"), count(o, "done"), o.text("plan_sha256")};
  }
  if (state.has("watch")) out.watch = read_watch(state.object("watch"));
  const JsonObject steps = state.object("optimizer_steps");
  for (const auto& [name, value] : steps.value().items()) out.optimizer_steps[name] = count(steps, name.c_str());
  out.data = dump_json(state.object("data").value());
  return out;
}

}  // namespace espalier
