#include "catch.h"
#include "core/base/rng.h"
#include "tests/config/read.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::Places;
using espalier::test::read;
using espalier::test::read_error;
using espalier::test::Sample;

TEST_CASE("a file fills the struct and the rest keeps its default", "[config][reader]") {
  const Sample sample = read(R"(
warmup = "0.1dur"
betas = [0.8, 1]
tasks = ["a.jsonl", "b.jsonl"]
[model]
d_model = 64
bias = true
[[data.sources]]
name = "wiki"
[[data.sources]]
name = "books"
weight = 2
[growth]
plugin = "midas"
params = { stages = 4, rates = [0.5, 1], name = "x" }
)");
  CHECK(sample.warmup == espalier::Duration{0.1, espalier::Duration::Unit::fraction});
  CHECK(sample.betas == std::vector<double>{0.8, 1.0});
  CHECK(sample.tasks == std::vector<std::string>{"a.jsonl", "b.jsonl"});
  CHECK(sample.model.d_model == 64);
  CHECK(sample.model.bias);
  CHECK(sample.model.norm == "rmsnorm");
  REQUIRE(sample.data.sources.size() == 2);
  CHECK(sample.data.sources[1].name == "books");
  CHECK(sample.data.sources[1].weight == 2.0);
  CHECK(sample.growth.choice.plugin == "midas");
  CHECK(sample.growth.choice.place == "run.toml:14:1");
  REQUIRE(sample.growth.choice.params.size() == 3);
  const auto& rates = sample.growth.choice.params.at("rates");
  CHECK(rates.is_list);
  CHECK(rates.items == std::vector<espalier::ParamScalar>{0.5, int64_t{1}});
  CHECK(rates.place == "run.toml:15:24");
}

TEST_CASE("a duration also takes a whole number of steps", "[config][reader]") {
  CHECK(read("warmup = 25").warmup == espalier::Duration::of_steps(25));
  CHECK_THAT(read_error("warmup = -1").message(), Contains("negative"));
  CHECK_THAT(read_error("warmup = 2.5").message(), Contains("expected a duration, got a number"));
  CHECK(read_error("warmup = '5 lightyears'").place() == "run.toml:1:1");
}

TEST_CASE("places name the file, line and column, or the nearest table", "[config][reader]") {
  Places places;
  read("[model]\nd_model = 8\n[[data.sources]]\n  path = 'x'\n", {"model.bias=true"}, &places);
  CHECK(places.of("model.d_model") == "run.toml:2:1");
  CHECK(places.of("data.sources[0].path") == "run.toml:4:3");
  CHECK(places.of("data.sources[0].weight") == "run.toml:3:1");
  CHECK(places.of("model.norm") == "run.toml:1:2");
  CHECK(places.of("model.bias") == "--set model.bias=true");
  CHECK(places.of("warmup") == "the configuration");
  CHECK(places.contains("model.d_model"));
  CHECK_FALSE(places.contains("model.norm"));
}

TEST_CASE("unknown keys and tables are errors with a suggestion", "[config][reader]") {
  const Error key = read_error("[model]\nd_modle = 8\n");
  CHECK(key.code() == ErrorCode::config);
  CHECK(key.place() == "run.toml:2:1");
  CHECK_THAT(key.message(), Contains("unknown key 'model.d_modle'"));
  CHECK(key.hint() == "did you mean 'd_model'?");

  const Error table = read_error("[modell]\nd_model = 8\n");
  CHECK_THAT(table.message(), Contains("unknown key 'modell'"));
  CHECK(table.hint() == "did you mean 'model'?");

  const Error item = read_error("[[data.sources]]\npath = 'x'\nweigth = 1\n");
  CHECK(item.place() == "run.toml:3:1");
  CHECK_THAT(item.message(), Contains("data.sources[0].weigth"));

  // Right key, wrong table.
  CHECK_THAT(read_error("norm_eps = 1e-6").hint(), Contains("[model]"));
}

TEST_CASE("a wrong type says what was expected and what came", "[config][reader]") {
  CHECK_THAT(read_error("[model]\nd_model = 'wide'").message(),
             Contains("model.d_model: expected an integer, got a text"));
  CHECK_THAT(read_error("[model]\nd_model = 1e2").hint(), Contains("write 100"));
  CHECK_THAT(read_error("[model]\nbias = 1").message(), Contains("expected true or false, got an integer"));
  CHECK_THAT(read_error("[data]\ntokenizer = 7").hint(), Contains("\"7\""));
  CHECK_THAT(read_error("model = 3").message(), Contains("expected a table, got an integer"));
  CHECK_THAT(read_error("[data]\nsources = 'x'").hint(), Contains("[[data.sources]]"));
  CHECK_THAT(read_error("[data]\nsources = [1]").message(), Contains("data.sources[0]: expected a table"));
  CHECK_THAT(read_error("betas = 0.9").message(), Contains("expected a list of numbers"));
  CHECK_THAT(read_error("betas = [0.9, 'x']").message(), Contains("got a text in it"));
  CHECK_THAT(read_error("[data]\ntokenizer = 2024-01-01").message(), Contains("got a date"));
}

TEST_CASE("ranges and choices say what is allowed", "[config][reader]") {
  CHECK_THAT(read_error("[model]\nd_model = 0").message(), Contains("must be at least 1, got 0"));
  CHECK_THAT(read_error("[model]\nnorm_eps = 0.0").message(), Contains("must be greater than 0, got 0"));
  CHECK_THAT(read_error("[model]\nnorm_eps = nan").message(), Contains("must be a finite number"));
  CHECK_THAT(read_error("[model]\nnorm_eps = inf").message(), Contains("must be a finite number"));
  CHECK_THAT(read_error("betas = [0.5, 1.5]").message(), Contains("must be between 0 and 1, got 1.5"));
  const Error choice = read_error("[model]\nnorm = 'layernrom'");
  CHECK_THAT(choice.message(), Contains(R"("rmsnorm", "layernorm")"));
  CHECK(choice.hint() == "did you mean 'layernorm'?");
}

TEST_CASE("syntax errors and keys given twice carry their place", "[config][reader]") {
  CHECK(read_error("warmup = \n").place().rfind("run.toml:1:", 0) == 0);
  const Error twice = read_error("[model]\nd_model = 1\nd_model = 2\n");
  CHECK(twice.code() == ErrorCode::config);
  CHECK(twice.place().rfind("run.toml:3:", 0) == 0);
  CHECK_THAT(twice.message(), Contains("d_model"));
  CHECK(read_error("[model]\n[model]\n").place().rfind("run.toml:2:", 0) == 0);
}

TEST_CASE("every problem of a file is shown at once", "[config][reader]") {
  const std::string what = read_error("[model]\nd_model = 0\nnorm = 'x'\nwidth = 3\n").what();
  CHECK_THAT(what, Contains("run.toml:2:1: model.d_model: must be at least 1"));
  CHECK_THAT(what, Contains("run.toml:3:1: model.norm:"));
  CHECK_THAT(what, Contains("run.toml:4:1: unknown key 'model.width'"));
  CHECK_THAT(what, Contains("3 problems"));
}

TEST_CASE("params are free in form but hold no tables", "[config][reader]") {
  CHECK(read("[growth]\nplugin = 'x'\nparams.anything = 1\n").growth.choice.params.count("anything") == 1);
  const Error nested = read_error("[growth]\nplugin = 'x'\n[growth.params.inner]\na = 1\n");
  CHECK_THAT(nested.message(), Contains("growth.params.inner: a parameter cannot be a table"));
  CHECK(nested.place().rfind("run.toml:3:", 0) == 0);
  CHECK_THAT(read_error("[growth]\nplugin = 'x'\nparams.a = [[1]]").message(), Contains("cannot hold a list"));
  CHECK_THAT(read_error("[growth]\nplugin = 'x'\nparams.a = 2024-01-01").message(), Contains("cannot be a date"));
  CHECK_THAT(read_error("[growth]\nplugin = 'x'\nparams = 3").message(), Contains("expected a table"));
  CHECK_THAT(read_error("[growth]\nparams.a = 1").message(), Contains("parameters without a plugin"));
}

TEST_CASE("parameters of a default plugin do not carry over to another one", "[config][reader]") {
  const auto choose = [](const std::string& text) {
    Sample sample;
    sample.growth.choice.plugin = "constant";
    sample.growth.choice.params["value"] = {false, {int64_t{1}}, ""};
    espalier::read_toml_text(text, "run.toml", {}, [&](espalier::Fields& f) { sample.fields(f); });
    return sample.growth.choice;
  };
  CHECK(choose("").params.size() == 1);
  CHECK(choose("").place == "the default of growth.plugin");
  CHECK(choose("[growth]\nplugin = 'other'").params.empty());
  CHECK(choose("[growth]\nparams.value = 2").params.at("value").items[0] == espalier::ParamScalar(int64_t{2}));
}

TEST_CASE("damaged text is an error or a configuration, never a crash", "[config][reader]") {
  const std::string good =
      "warmup = \"10st\"\nbetas = [0.9, 0.95]\n[model]\nd_model = 8\nnorm = 'rmsnorm'\n[[data.sources]]\npath = 'x'\n"
      "[growth]\nplugin = 'p'\nparams = {a = 1, b = [true]}\n";
  const espalier::Rng rng(11, "damage");
  int refused = 0;
  for (uint64_t i = 0; i < 3000; ++i) {
    std::string text = good;
    for (uint64_t edit = 0; edit <= i % 3; ++edit) {
      const size_t at = rng.below(text.size(), 3 * edit, i);
      const char byte = static_cast<char>(rng.below(256, 3 * edit + 1, i));
      if (rng.below(2, 3 * edit + 2, i) == 0)
        text[at] = byte;
      else
        text.insert(at, 1, byte);
    }
    try {
      read(text);
    } catch (const Error& error) {
      ++refused;
      CHECK(error.code() == ErrorCode::config);
      CHECK_FALSE(error.place().empty());
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("a missing file is a config error with its path", "[config][reader]") {
  Sample sample;
  try {
    espalier::read_toml("/nowhere/run.toml", {}, [&](espalier::Fields& f) { sample.fields(f); });
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    CHECK(error.place() == "/nowhere/run.toml");
  }
}
