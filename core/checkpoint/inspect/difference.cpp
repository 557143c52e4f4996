#include "core/checkpoint/inspect/difference.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/inspect/tensors.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/config/toml_changes.h"

namespace espalier {

using nlohmann::json;

namespace {

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

bool is_equal(const json& tensors) {
  return tensors["different"].empty() && tensors["only_first"].empty() && tensors["only_second"].empty() &&
         tensors["other_shape"].empty();
}

std::string tensors_text(const char* what, const json& tensors) {
  std::string out =
      fmt::format("{}: {} equal, {} different\n", what, tensors["equal"].get<int64_t>(), tensors["different"].size());
  const std::pair<const char*, const char*> lists[] = {
      {"only_first", "only in the first"}, {"only_second", "only in the second"}, {"other_shape", "of another shape"}};
  for (const auto& [key, words] : lists)
    for (const json& name : tensors[key]) out += fmt::format("  {}: {}\n", words, name.get<std::string>());
  for (const auto& [name, difference] : tensors["different"].items())
    out += fmt::format("  {}: max {:.3g}, relative {:.3g}\n", name, difference["max"].get<double>(),
                       difference["relative"].get<double>());
  return out;
}

}  // namespace

json checkpoint_difference(const fs::path& first, const fs::path& second) {
  const Snapshot a = load_checkpoint(first), b = load_checkpoint(second);
  json architecture = json::array();
  if (!(a.state.spec == b.state.spec)) architecture.push_back(spec_differences(b.state.spec, a.state.spec));
  json out = {{"first", first.string()},
              {"second", second.string()},
              {"steps", {a.state.step, b.state.step}},
              {"architecture", architecture},
              {"config", config_differences(a, b)},
              {"plugins", plugin_differences(a, b)},
              {"parameters", tensor_differences(named_params(a.state.params), named_params(b.state.params))},
              {"moments", tensor_differences(named_moments(a.state.optim), named_moments(b.state.optim))}};
  out["equal"] = a.state.step == b.state.step && architecture.empty() && out["config"].empty() &&
                 out["plugins"].empty() && is_equal(out["parameters"]) && is_equal(out["moments"]);
  return out;
}

std::string difference_text(const json& d) {
  std::string out =
      fmt::format("{}, step {}\n{}, step {}\n", d["first"].get<std::string>(), d["steps"][0].get<int64_t>(),
                  d["second"].get<std::string>(), d["steps"][1].get<int64_t>());
  for (const char* key : {"architecture", "config", "plugins"})
    for (const json& line : d[key]) out += fmt::format("{}: {}\n", key, line.get<std::string>());
  out += tensors_text("parameters", d["parameters"]) + tensors_text("moments", d["moments"]);
  return valid_utf8(out) + (d["equal"].get<bool>() ? "equal in all of it\n" : "");
}

}  // namespace espalier
