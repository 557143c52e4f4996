#include "core/run/plan.h"

#include <fmt/format.h>

#include "core/run/mixture_schedule.h"
#include "core/run/plugin_state.h"

namespace espalier {
namespace {

// What a plugin refuses here depends on numbers that are set elsewhere: the hint says where.
plugin::SchedulePlugin make_growth_schedule(const RunConfig& config, const PluginHost& host,
                                            const plugin::PluginSetup& setup, const Progress& start) {
  const PluginChoice& choice = config.schedule.growth.plugin;
  try {
    return plugin::make_schedule(*host.registry, choice, setup, {"growth.stage"}, start);
  } catch (const plugin::KeysRefused&) {
    throw;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::config || !error.hint().starts_with("refused by")) throw;
    throw Error(error.code(), error.message(), error.place(),
                fmt::format("{} in a run of {} steps (training.steps) with {} stages (growth.params): change one of "
                            "these, or schedule.growth.params",
                            error.hint(), start.total_steps, start.num_stages));
  }
}

// The one that comes with Espalier, whatever else goes by its short name, unless the user chose it.
PluginChoice lr_choice(const RunConfig& config) {
  PluginChoice choice = config.schedule.lr.plugin;
  if (choice.place == kDefaultPlace)
    choice.plugin =
        fmt::format("{}{}.{}", plugin::kReservedPrefix, plugin::name_of(plugin::Kind::schedule), choice.plugin);
  return choice;
}

}  // namespace

RunPlan make_plan(const RunConfig& config, const PluginHost& host, const RunSteps& steps, const RunShape& shape,
                  const Snapshot* resumed) {
  const auto& schedule = config.schedule;
  const plugin::PluginSetup setup = host.setup_for(steps.length);
  Progress start = first_progress(config, steps);
  start.num_stages = shape.num_stages;

  RunPlan plan;
  Decisions& decisions = plan.decisions;
  decisions.sizes = steps.sizes;
  decisions.tokens_per_epoch = steps.length.tokens_per_epoch;
  decisions.num_tiers = num_tiers(config.difficulty, config.data.sources);
  decisions.strategy = shape.strategy();
  if (decisions.strategy != nullptr) decisions.strategy_place = config.growth.plugin.place;
  if (!schedule.growth.plugin.plugin.empty()) {
    plan.growth = make_growth_schedule(config, host, setup, start);
    decisions.growth = plan.growth->schedule.get();
    decisions.growth_place = schedule.growth.plugin.place;
    plan.plugins.push_back({"schedule.growth", plan.growth->identity});
  }
  plan.lr = plugin::make_schedule(*host.registry, lr_choice(config), setup, {"lr"}, start);
  decisions.lr = plan.lr->schedule.get();
  plan.plugins.push_back({"schedule.lr", plan.lr->identity});
  if (!schedule.mixture.plugin.plugin.empty()) {
    plan.mixture = make_mixture(*host.registry, schedule.mixture.plugin, setup, start, config.data.sources, decisions);
    plan.plugins.push_back({"schedule.mixture", plan.mixture->identity});
  }
  if (resumed != nullptr) load_planned_state(decisions, plan.plugins, *resumed);
  plan.timeline = make_timeline(shape.final_spec, config.training, steps.total_steps(), config.optimizer.lr, decisions,
                                resumed == nullptr ? nullptr : &resumed->state);
  return plan;
}

}  // namespace espalier
