// config.resolved.toml: what the plugins came to, in the table where each was chosen.
#include "catch.h"
#include "core/run/plugin_records.h"
#include "run/support.h"

using namespace espalier;

TEST_CASE("each slot keeps the id and the parameters that its plugin resolved", "[run][config]") {
  const TempDir dir;
  const RunConfig config = small_run(dir);
  PluginUses uses;
  for (const char* slot : {"growth", "schedule.growth", "schedule.lr", "schedule.mixture", "schedule.batch",
                           "schedule.seq_len", "difficulty", "difficulty.input.org.test.other"}) {
    plugin::PluginIdentity identity;
    identity.id = std::string("org.test.") + slot;
    identity.version = "1.2";
    identity.params["alpha"] = ParamValue{};
    uses.push_back({slot, identity});
  }
  const RunConfig resolved = resolved_config(config, uses, {});
  CHECK(resolved.growth.plugin.plugin == "org.test.growth");
  CHECK(resolved.schedule.growth.plugin.plugin == "org.test.schedule.growth");
  CHECK(resolved.schedule.lr.plugin.plugin == "org.test.schedule.lr");
  CHECK(resolved.schedule.mixture.plugin.plugin == "org.test.schedule.mixture");
  CHECK(resolved.schedule.batch.plugin.plugin == "org.test.schedule.batch");
  CHECK(resolved.schedule.seq_len.plugin.plugin == "org.test.schedule.seq_len");
  CHECK(resolved.difficulty.plugin.plugin == "org.test.difficulty");
  CHECK(resolved.growth.plugin.params.count("alpha") == 1);
  CHECK(config.growth.plugin.plugin.empty());  // the one that was given is as it was

  const std::vector<PluginRecord> records = records_of(uses);
  REQUIRE(records.size() == uses.size());
  CHECK(records.back().slot == "difficulty.input.org.test.other");
  CHECK(records.back().id == "org.test.difficulty.input.org.test.other");
  CHECK(records.back().version == "1.2");
}

TEST_CASE("plugin folders: those of the command line first, absolute, each once", "[run][config]") {
  const TempDir dir;
  RunConfig config = small_run(dir);
  config.plugins.paths = {"/b", "relative"};
  const RunConfig resolved = resolved_config(config, {}, {"/a", "/b", "/a"});
  CHECK(resolved.plugins.paths == std::vector<std::string>{"/a", "/b", (fs::current_path() / "relative").string()});
}

TEST_CASE("a resolved configuration reads back as itself", "[run][config]") {
  const TempDir dir;
  const RunConfig config = small_run(dir, "[growth]\nplugin = \"midas\"\n");
  const std::string text = resolved_toml(config);
  CHECK(resolved_toml(parse_run_config(text, "again", {})) == text);
}
