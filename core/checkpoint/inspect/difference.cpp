#include "core/checkpoint/inspect/difference.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/base/control_characters.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"
#include "core/checkpoint/inspect/tensors.h"
#include "core/config/toml_changes.h"

namespace espalier {

using nlohmann::json;

namespace {

bool is_equal(const json& tensors) {
  return tensors["different"].empty() && tensors["only_first"].empty() && tensors["only_second"].empty() &&
         tensors["other_shape"].empty();
}

json plugin_differences(const Snapshot& a, const Snapshot& b) {
  const auto named = [](const Snapshot& snapshot) {
    std::map<std::string, std::string> out;
    for (const auto& plugin : snapshot.plugins)
      out[plugin.slot] =
          fmt::format("{} {} ({}) {}", plugin.id, plugin.version, plugin.sha256.substr(0, 12), plugin.params_json);
    return out;
  };
  const auto one = named(a), two = named(b);
  json out = json::array();
  for (const auto& [slot, plugin] : one)
    if (const auto other = two.find(slot); other == two.end() || other->second != plugin)
      out.push_back(fmt::format("{}: {} -> {}", slot, plugin, other == two.end() ? "none" : other->second));
  for (const auto& [slot, plugin] : two)
    if (one.count(slot) == 0) out.push_back(fmt::format("{}: none -> {}", slot, plugin));
  return out;
}

json config_differences(const Snapshot& a, const Snapshot& b) {
  json out = json::array();
  for (const auto& change : toml_changes(a.config_toml, b.config_toml))
    out.push_back(fmt::format("{}: {} -> {}", change.key, change.before.empty() ? "not set" : change.before,
                              change.after.empty() ? "not set" : change.after));
  return out;
}

json state_file(const Found& found) {
  const fs::path file = found.dir / "espalier" / "state.json";
  return parse_json(read_file(file, ErrorCode::checkpoint), ErrorCode::checkpoint, file.string());
}

// Of state.json all but the step and the updates of each parameter, which are told elsewhere; then what lies beside it.
json state_differences(const Found& a, const Found& b) {
  json out = json::array();
  const json one = state_file(a), two = state_file(b);
  json both = one;
  both.update(two);
  for (const auto& [key, value] : both.items()) {
    const json before = one.value(key, json()), after = two.value(key, json());
    if (key == "step" || key == "optimizer_steps" || before == after) continue;
    const bool short_text = before.is_primitive() && after.is_primitive();
    out.push_back(short_text ? fmt::format("{}: {} -> {}", key, brief_json(before), brief_json(after)) : key);
  }
  const Snapshot &x = a.snapshot, &y = b.snapshot;
  const auto differ = [&](const std::string& what, bool equal) {
    if (!equal) out.push_back(what);
  };
  const auto hashes = [](const Snapshot& snapshot) {
    std::vector<std::pair<int64_t, std::string>> growths;
    for (const auto& event : snapshot.state.lineage) growths.emplace_back(event.step, event.plan_hash);
    return growths;
  };
  differ("growths so far", hashes(x) == hashes(y));
  differ("gates", x.state.gates == y.state.gates);
  differ("figures of the stage's data", x.quality == y.quality);
  if (x.state.operators && y.state.operators)
    differ("the growth operator", is_equal(tensor_differences(x.state.operators->leaves, y.state.operators->leaves)) &&
                                      is_equal(tensor_differences(named_moments(x.state.operators->optim),
                                                                  named_moments(y.state.operators->optim))));
  std::map<std::string, std::string> slots = x.plugin_state;
  slots.insert(y.plugin_state.begin(), y.plugin_state.end());
  for (const auto& [slot, bytes] : slots) {
    const auto in_x = x.plugin_state.find(slot), in_y = y.plugin_state.find(slot);
    const bool in_both = in_x != x.plugin_state.end() && in_y != y.plugin_state.end();
    differ("state of " + slot, in_both && in_x->second == in_y->second);
  }
  return out;
}

std::string tensors_text(const char* what, const json& tensors) {
  std::string out =
      fmt::format("{}: {} equal, {} different\n", what, tensors["equal"].get<int64_t>(), tensors["different"].size());
  const std::pair<const char*, const char*> lists[] = {
      {"only_first", "only in the first"}, {"only_second", "only in the second"}, {"other_shape", "of another shape"}};
  for (const auto& [key, words] : lists)
    for (const json& name : tensors[key]) out += fmt::format("  {}: {}\n", words, one_line(name.get<std::string>()));
  for (const auto& [name, difference] : tensors["different"].items())
    out += fmt::format("  {}: max {:.3g}, relative {:.3g}, {} of {} values equal\n", one_line(name),
                       difference["max"].get<double>(), difference["relative"].get<double>(),
                       with_commas(difference["equal_values"].get<int64_t>()),
                       with_commas(difference["values"].get<int64_t>()));
  return out;
}

}  // namespace

json checkpoint_difference(const Found& first, const Found& second) {
  const Snapshot &a = first.snapshot, &b = second.snapshot;
  json architecture = json::array();
  if (!(a.state.spec == b.state.spec)) architecture.push_back(spec_differences(b.state.spec, a.state.spec));
  json out = {{"first", first.dir.string()},
              {"second", second.dir.string()},
              {"steps", {a.state.step, b.state.step}},
              {"architecture", architecture},
              {"config", config_differences(a, b)},
              {"plugins", plugin_differences(a, b)},
              {"state", state_differences(first, second)},
              {"parameters", tensor_differences(named_params(a.state.params), named_params(b.state.params))},
              {"moments", tensor_differences(named_moments(a.state.optim), named_moments(b.state.optim))}};
  bool equal = a.state.step == b.state.step && is_equal(out["parameters"]) && is_equal(out["moments"]);
  for (const char* list : {"architecture", "config", "plugins", "state"}) equal = equal && out[list].empty();
  out["equal"] = equal;
  return out;
}

std::string difference_text(const json& d) {
  std::string out =
      fmt::format("{}, step {}\n{}, step {}\n", one_line(d["first"].get<std::string>()), d["steps"][0].get<int64_t>(),
                  one_line(d["second"].get<std::string>()), d["steps"][1].get<int64_t>());
  for (const char* key : {"architecture", "config", "plugins", "state"})
    for (const json& line : d[key]) out += fmt::format("{}: {}\n", key, one_line(line.get<std::string>()));
  out += tensors_text("parameters", d["parameters"]) + tensors_text("moments", d["moments"]);
  return out + (d["equal"].get<bool>() ? "equal in all of it\n" : "");
}

}  // namespace espalier
