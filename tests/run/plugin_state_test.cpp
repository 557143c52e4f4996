// The state of plugins in a checkpoint goes back to the same plugin in the same slot, and to nobody else.
#include "core/run/plugin_state.h"
#include "catch.h"
#include "run/support.h"

using namespace espalier;

namespace {

PluginUse use_of(const std::string& slot, const std::string& id) {
  plugin::PluginIdentity identity;
  identity.id = id;
  return {slot, identity};
}

struct Run {
  Remembers growth, lr, mixture;
  Decisions decisions;
  PluginUses uses{use_of("schedule.growth", "g"), use_of("schedule.lr", "l"), use_of("schedule.mixture", "m")};
  Run() {
    decisions.growth = &growth;
    decisions.lr = &lr;
    decisions.mixture = &mixture;
  }
};

Snapshot snapshot_of(Run& run) {
  Snapshot snapshot;
  snapshot.plugin_state = save_plugin_state(run.decisions);
  for (const auto& use : run.uses) snapshot.plugins.push_back({use.slot, use.identity.id, "1", "", "{}"});
  return snapshot;
}

}  // namespace

TEST_CASE("state goes back to where it came from, in two parts", "[run][plugins]") {
  Run before, after;
  before.growth.state = "growing", before.lr.state = "rate";  // the mixture has none
  const Snapshot snapshot = snapshot_of(before);
  CHECK(snapshot.plugin_state ==
        std::map<std::string, std::string>{{"schedule.growth", "growing"}, {"schedule.lr", "rate"}});
  load_planned_state(after.decisions, after.uses, snapshot);
  CHECK(after.lr.state == "rate");
  CHECK(after.growth.state.empty());  // not before the plan is made
  load_plugin_state(after.decisions, after.uses, snapshot);
  CHECK(after.growth.state == "growing");
  CHECK(after.mixture.state.empty());
}

TEST_CASE("another plugin in the slot starts afresh", "[run][plugins]") {
  Run before, after;
  before.growth.state = "growing", before.lr.state = "rate";
  after.uses = {use_of("schedule.growth", "another"), use_of("schedule.lr", "l")};
  const Snapshot snapshot = snapshot_of(before);
  load_planned_state(after.decisions, after.uses, snapshot);
  load_plugin_state(after.decisions, after.uses, snapshot);
  CHECK(after.lr.state == "rate");
  CHECK(after.growth.state.empty());
}

TEST_CASE("a plugin that cannot save is an error, or left out by name", "[run][plugins]") {
  Run run;
  run.growth.state = "growing", run.lr.state = "rate";
  run.growth.fails = true;
  CHECK_THROWS_AS(save_plugin_state(run.decisions), Error);
  std::vector<std::string> left_out;
  CHECK(save_plugin_state(run.decisions, &left_out) == std::map<std::string, std::string>{{"schedule.lr", "rate"}});
  CHECK(left_out == std::vector<std::string>{"schedule.growth"});
}
