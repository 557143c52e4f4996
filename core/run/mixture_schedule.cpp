#include "core/run/mixture_schedule.h"

#include <fmt/format.h>

namespace espalier {

plugin::SchedulePlugin make_mixture(plugin::Registry& registry, const PluginChoice& choice,
                                    const plugin::PluginSetup& setup, const Progress& start,
                                    const std::vector<SourceConfig>& sources, Decisions& decisions) {
  struct Attempt {
    bool tiers, sources;
  };
  const bool has_tiers = decisions.num_tiers > 1;
  std::string refusal;
  for (const Attempt& attempt : {Attempt{true, true}, Attempt{true, false}, Attempt{false, true}}) {
    if (attempt.tiers && !has_tiers) continue;
    std::vector<std::string> keys, names;
    for (int64_t tier = 0; attempt.tiers && tier < decisions.num_tiers; ++tier)
      keys.push_back(fmt::format("data.tier.{}", tier));
    for (const SourceConfig& source : sources)
      if (attempt.sources) names.push_back(source.name), keys.push_back("data.source." + source.name);
    try {
      plugin::SchedulePlugin made = plugin::make_schedule(registry, choice, setup, keys, start);
      decisions.mixture = made.schedule.get();
      decisions.mixture_place = choice.place;
      decisions.mixture_id = made.identity.id;
      decisions.mixes_tiers = attempt.tiers;
      decisions.mixed_sources = std::move(names);
      return made;
    } catch (const plugin::KeysRefused& error) {
      refusal = error.message();
    }
  }
  if (!has_tiers)
    throw Error(ErrorCode::config, "this mixture weighs difficulty tiers, and there is only one", choice.place,
                "set difficulty.plugin, for example \"compression\", and difficulty.tiers above 1");
  throw Error(ErrorCode::config, fmt::format("this schedule fills neither tiers nor sources: {}", refusal),
              choice.place, "choose a schedule of the data mixture");
}

}  // namespace espalier
