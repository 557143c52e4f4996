#include "core/plugin/plugin_info.h"

#include <espalier/plugin.h>

#include "catch.h"
#include "core/config/toml.h"
#include "core/plugin/schema.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::plugin::from_json;
using espalier::plugin::Kind;
using espalier::plugin::PluginInfo;
using espalier::plugin::to_json;
using namespace espalier::test;

namespace {

const PluginInfo& bent_schedule() {
  return bent().resolve(Kind::schedule, "bent_schedule", "").info;
}

}  // namespace

TEST_CASE("a plugin's description survives JSON", "[plugin][info]") {
  const PluginInfo& info = bent_schedule();
  CHECK(from_json(to_json(info)) == info);
  CHECK(info.params.size() == 9);
  for (const char* bad : {"", "{}", "[]", "{\"kind\":\"growth\"}", "{\"kind\":7}"})
    CHECK_THROWS_AS(from_json(bad), espalier::Error);
}

TEST_CASE("the TOML block of a plugin reads back as its defaults", "[plugin][info]") {
  const PluginInfo& info = bent_schedule();
  const std::string block = espalier::plugin::toml_block(info);
  INFO(block);
  CHECK_THAT(block, Contains("[schedule.lr]"));
  CHECK_THAT(block, Contains("rate = 0.5  # how fast [1/step] (greater than 0)"));
  CHECK_THAT(block, Contains(R"(side = "left"  # which side ("left", "right"))"));
  espalier::PluginChoice choice;
  struct Lr {
    espalier::PluginChoice& choice;
    void fields(espalier::Fields& f) { f.plugin(choice, ""); }
  } lr{choice};
  struct Schedule {
    Lr& lr;
    void fields(espalier::Fields& f) { f.table("lr", lr, ""); }
  } schedule{lr};
  espalier::read_toml_text(block, "block", {}, [&](espalier::Fields& f) { f.table("schedule", schedule, ""); });
  CHECK(choice.plugin == "bent_schedule");
  CHECK(choice.params.size() == info.params.size());
  const espalier::RunLength run{.total_steps = 100};
  CHECK(espalier::plugin::ResolvedParams(info, choice, run).json() ==
        espalier::plugin::ResolvedParams(info, choose("bent_schedule"), run).json());
}

TEST_CASE("what a parameter may be is told in words", "[plugin][info]") {
  const auto& params = bent_schedule().params;
  CHECK(params[2].type_name() == "integer");
  CHECK(params[2].allowed() == "between 1 and 9");
  CHECK(params[4].allowed() == R"("left", "right")");
  CHECK(params[6].type_name() == "list of integers");
  CHECK(bent_schedule().claim_names() == std::vector<std::string>{"deterministic"});
  CHECK(bent_schedule().short_name() == "bent_schedule");
}
