#include "core/run/scorer_plugins.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/config/param_text.h"
#include "core/device/device.h"
#include "core/eval/document_loss.h"
#include "core/plugin/isolated_difficulty.h"

namespace espalier {
namespace {

constexpr std::string_view kHostPrefix = "host.";

// A column that the host computes itself.
std::unique_ptr<DifficultyScorer> host_column(const PluginChoice& choice, const RunConfig& config) {
  if (choice.plugin != "host.loss")
    throw Error(ErrorCode::config, fmt::format("this Espalier has no column \"{}\"", choice.plugin), choice.place,
                "it has host.loss { model = \"...\" }");
  const auto model = choice.params.find("model");
  if (model == choice.params.end() || choice.params.size() != 1 || model->second.is_list ||
      !std::holds_alternative<std::string>(model->second.items.front()))
    throw Error(ErrorCode::config, "host.loss takes one parameter, `model`, a path", choice.place,
                "host.loss { model = \"runs/base\" }");
  const DeviceInfo device = open_device(config.training.device, config.training.threads);
  return make_document_loss(std::get<std::string>(model->second.items.front()), device.device, choice.place);
}

}  // namespace

PluginChoice parse_input(const std::string& input, const std::string& asked_by) {
  struct Input {
    PluginChoice plugin;
    void fields(Fields& f) { f.plugin(plugin, "A scorer."); }
  } parsed;
  const size_t brace = std::min(input.find('{'), input.size());
  const size_t end = input.substr(0, brace).find_last_not_of(" \t");
  const std::string name = end == std::string::npos ? "" : input.substr(0, end + 1);
  const std::string place = fmt::format("an input of {}", asked_by);
  if (name.empty()) throw Error(ErrorCode::config, fmt::format("`{}` names no scorer", input), place);
  std::string text = "plugin = " + toml_text(name) + "\n";
  if (brace < input.size()) text += "params = " + input.substr(brace) + "\n";
  read_toml_text(text, fmt::format("{} (`{}`)", place, input), {}, [&](Fields& f) { parsed.fields(f); });
  return parsed.plugin;
}

plugin::DifficultyPlugin Scorers::make(const PluginChoice& choice) const {
  if (!config_.difficulty.isolate) return plugin::make_difficulty(registry_, choice, setup_);
  const std::chrono::duration<double> timeout(config_.difficulty.call_timeout);
  return plugin::make_isolated_difficulty(registry_, choice, setup_,
                                          std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
}

std::unique_ptr<DifficultyScorer> Scorers::make(const std::string& input, const std::string& asked_by) {
  const PluginChoice choice = parse_input(input, asked_by);
  if (choice.plugin.starts_with(kHostPrefix)) return host_column(choice, config_);
  plugin::DifficultyPlugin made = make(choice);
  const auto same = [&](const plugin::PluginIdentity& other) {
    return other.id == made.identity.id && other.params_json == made.identity.params_json;
  };
  if (std::none_of(inputs_.begin(), inputs_.end(), same)) inputs_.push_back(made.identity);
  return std::move(made.scorer);
}

DifficultySetup Scorers::setup_for(DifficultyScorer* scorer) {
  return {scorer, this, config_.difficulty, config_.places};
}

}  // namespace espalier
