// A schedule plugin as the host's Schedule.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/plugin/instance.h"
#include "core/schedule/schedule.h"

namespace espalier::plugin {

// The plugin cannot fill a key that it was asked for.
class KeysRefused : public Error {
  using Error::Error;
};

struct SchedulePlugin {
  std::unique_ptr<Schedule> schedule;
  PluginIdentity identity;
};

// What is wrong with an answer, one value a key, in a run of so many stages; empty where nothing is.
std::string problem_of(const std::vector<double>& values, const std::vector<std::string>& keys, int64_t num_stages,
                       int64_t step);

// Makes the object and binds it to the keys ("lr", "growth.stage", "data.tier.0", ...; see espalier/schedule.h), in the
// order of Schedule::values(). `start` has the run's totals and num_stages. Throws as make_growth(), and KeysRefused
// when the plugin cannot fill a key. An answer that is not finite, a negative learning rate or weight, and a stage that
// does not exist are Error(plugin). The schedule is for the driver thread.
SchedulePlugin make_schedule(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                             const std::vector<std::string>& keys, const Progress& start);

}  // namespace espalier::plugin
