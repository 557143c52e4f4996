// A difficulty plugin as the host's DifficultyScorer.
#pragma once

#include <memory>

#include "core/data/difficulty/difficulty.h"
#include "core/plugin/instance.h"

namespace espalier::plugin {

struct DifficultyPlugin {
  std::unique_ptr<DifficultyScorer> scorer;
  PluginIdentity identity;
};

// Throws as make_growth(). score() may be called from several threads; a plugin that does not claim to be reentrant
// sees one call at a time. A score that is infinite, or a document left without one, is Error(plugin); NaN means
// "cannot say".
// The registry must outlive the scorer.
DifficultyPlugin make_difficulty(Registry& registry, const PluginChoice& choice, const PluginSetup& setup);

}  // namespace espalier::plugin
