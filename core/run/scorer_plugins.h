// The difficulty scorers of a configuration: its plugin, and whatever that asks for as inputs.
#pragma once

#include <memory>
#include <string>

#include "core/data/difficulty/tier_rule.h"
#include "core/plugin/difficulty_adapter.h"
#include "core/run/config.h"

namespace espalier {

class Scorers : public InputScorers {
 public:
  // All of it must outlive the scorers.
  Scorers(const RunConfig& config, plugin::Registry& registry, const plugin::PluginSetup& setup)
      : config_(config), registry_(registry), setup_(setup) {
    setup_.seed = 0;  // scores are kept for runs of any seed
  }

  // In a process of its own, unless difficulty.isolate says otherwise. Throws Error(config), Error(plugin).
  plugin::DifficultyPlugin make(const PluginChoice& choice) const;
  std::unique_ptr<DifficultyScorer> make(const std::string& input, const std::string& asked_by) override;
  // The plugins that were made as inputs of others, each once.
  const std::vector<plugin::PluginIdentity>& inputs() const { return inputs_; }

  // What preparing data needs; `scorer` may be null.
  DifficultySetup setup_for(DifficultyScorer* scorer);

 private:
  const RunConfig& config_;
  plugin::Registry& registry_;
  plugin::PluginSetup setup_;
  std::vector<plugin::PluginIdentity> inputs_;
};

// "compression { level = 9 }" as a plugin's name and parameters. Throws Error(config) whose place names `asked_by`.
PluginChoice parse_input(const std::string& input, const std::string& asked_by);

}  // namespace espalier
