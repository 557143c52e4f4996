// Tiers by quantile, threshold, source and file: where documents go, and which settings are refused at which key.
#include "core/data/difficulty/tier_rule.h"

#include <cmath>

#include "core/data/difficulty/tier_file.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

// Documents of one to five different letters.
struct Sources {
  explicit Sources(const TempDir& dir) {
    for (const auto& [name, count] : {std::pair{"x", 5}, std::pair{"y", 3}}) {
      TokenShardWriter writer(dir / name, 257);
      for (int d = 0; d < count; ++d) {
        std::vector<int32_t> ids(static_cast<size_t>(d + 1), name[0]);
        ids.push_back(256);
        writer.append(ids);
      }
      writer.finish();
      opened.push_back(std::make_unique<TokenShard>(TokenShard::open((dir / name).string() + ".bin", 256)));
      shards.push_back({name, dir / name, name, opened.back().get(), {}});
      config.sources.push_back(source(name, dir / name));
    }
  }

  std::vector<std::unique_ptr<TokenShard>> opened;
  std::vector<ScoredShard> shards;
  DataConfig config;
};

using Rule = std::function<void(DifficultyConfig&, DataConfig&)>;

DifficultySetup setup_of(const Rule& rule, DataConfig& data) {
  DifficultySetup setup;
  setup.config.plugin.plugin = "length";
  for (const char* key : {"tier_by", "thresholds", "quantiles", "tier_file", "tiers"})
    setup.places.set(std::string("difficulty.") + key, std::string("run.toml: ") + key);
  rule(setup.config, data);
  return setup;
}

Error refused(const Rule& rule) {
  const TempDir dir;
  Sources sources(dir);
  sources.shards[0].scores = {1, 2, 3, 4, 5};
  sources.shards[1].scores = {1, 2, 3};
  return error_of([&] {
    const auto setup = setup_of(rule, sources.config);
    check(setup.config, sources.config.sources, setup.places);
    split_scored(sources.shards, *make_byte_tokenizer(), setup, sources.config.sources);
  });
}

std::vector<std::vector<uint8_t>> file_tiers(const std::string& text, const std::string& name = "tiers") {
  const TempDir dir;
  const Sources sources(dir);
  return read_tier_file(put(dir / name, text), sources.shards, *make_byte_tokenizer(), 3);
}

std::string every_line(const std::function<std::string(const std::string&, size_t)>& line) {
  std::string out;
  for (size_t d = 0; d < 5; ++d) out += line("x", d);
  for (size_t d = 0; d < 3; ++d) out += line("y", d);
  return out;
}

}  // namespace

TEST_CASE("quantiles cut the token mass where they say", "[data][tiers]") {
  const TempDir dir;
  TokenShardWriter writer(dir / "a", 257);
  std::vector<float> scores;
  for (int d = 0; d < 100; ++d) {
    writer.append(std::vector<int32_t>(10, 1));
    scores.push_back(static_cast<float>((d * 37) % 100));
  }
  writer.finish();
  const TokenShard shard = TokenShard::open((dir / "a.bin").string(), 256);
  const std::vector<double> cuts{0.5, 0.9};
  const auto split = split_at_quantiles({{"a", {}, {}, &shard, scores}}, cuts);
  REQUIRE(split.tiers.size() == 3);
  CHECK(split.tiers[0].tokens == 500);
  CHECK(split.tiers[1].tokens == 400);
  CHECK(split.tiers[2].tokens == 100);
  CHECK(split.tiers[0].highest_score == 49);
  CHECK(split.tiers[2].lowest_score == 90);
  const std::vector<double> thirds{1.0 / 3, 2.0 / 3};
  CHECK(split_at_quantiles({{"a", {}, {}, &shard, scores}}, thirds).tier_of ==
        split_into_tiers({{"a", {}, {}, &shard, scores}}, 3).tier_of);
}

TEST_CASE("thresholds cut the scores where they say", "[data][tiers]") {
  const TempDir dir;
  Sources sources(dir);
  sources.shards[0].scores = {-1, 0, 0.5f, 1, NAN};
  sources.shards[1].scores = {2, 0.25f, 7};
  const std::vector<double> cuts{0, 0.5, 1};
  const auto split = split_at_scores(sources.shards, cuts);
  CHECK(split.tier_of[0] == std::vector<uint8_t>{0, 1, 2, 3, 1});
  CHECK(split.tier_of[1] == std::vector<uint8_t>{3, 1, 3});
  CHECK(split.tiers[3].highest_score == 7);
  CHECK(split.tiers[1].documents == 3);
}

TEST_CASE("a source's tier is that of its documents", "[data][tiers]") {
  const TempDir dir;
  Sources sources(dir);
  const auto setup = setup_of(
      [](DifficultyConfig& difficulty, DataConfig& data) {
        difficulty.tier_by = "source";
        difficulty.plugin = {};
        data.sources[0].tier = 1;
        data.sources[1].tier = 0;
      },
      sources.config);
  CHECK_NOTHROW(check(setup.config, sources.config.sources, setup.places));
  CHECK(num_tiers(setup.config, sources.config.sources) == 2);
  const auto split = split_scored(sources.shards, *make_byte_tokenizer(), setup, sources.config.sources);
  CHECK(split.tier_of[0] == std::vector<uint8_t>(5, 1));
  CHECK(split.tier_of[1] == std::vector<uint8_t>(3, 0));
}

TEST_CASE("the number of tiers follows from the rule", "[data][tiers]") {
  DataConfig data;
  DifficultyConfig config;
  CHECK(num_tiers(config, data.sources) == 1);  // no scorer
  config.plugin.plugin = "length";
  CHECK(num_tiers(config, data.sources) == 4);
  config.quantiles = {0.5, 0.9};
  CHECK(num_tiers(config, data.sources) == 3);
  config.tier_by = "threshold";
  config.thresholds = {1};
  CHECK(num_tiers(config, data.sources) == 2);
  config.tier_by = "file";
  CHECK(num_tiers(config, data.sources) == 4);
}

TEST_CASE("settings that cannot make tiers are refused at their key", "[data][tiers]") {
  struct Case {
    Rule rule;
    std::string place, message;
  };
  const auto rule = [](const std::string& by, std::vector<double> quantiles, std::vector<double> thresholds) -> Rule {
    return [=](DifficultyConfig& config, DataConfig&) {
      config.tier_by = by;
      config.quantiles = quantiles;
      config.thresholds = thresholds;
    };
  };
  const std::vector<Case> cases = {
      {rule("threshold", {}, {2, 2}), "thresholds", "must rise"},
      {rule("threshold", {}, {3, 2}), "thresholds", "2 follows 3"},
      {rule("threshold", {}, {NAN, 2}), "thresholds", "must rise"},
      {rule("threshold", {}, {}), "tier_by", "needs a scorer (plugin) and thresholds"},
      {rule("threshold", {}, {2, 99}), "thresholds", "tier 2 of 3 has no documents"},
      {rule("quantile", {0.9, 0.5}, {}), "quantiles", "must rise"},
      {rule("quantile", {0, 0.5}, {}), "quantiles", "between 0 and 1"},
      {rule("quantile", {0.001, 0.5}, {}), "quantiles", "tier 0 of 3 has no documents"},
      {rule("quantile", {}, {1}), "thresholds", "with tier_by = \"threshold\" only"},
      {rule("threshold", {0.5}, {1}), "quantiles", "with tier_by = \"quantile\" only"},
      {rule("source", {}, {}), "the configuration", "\"x\" has none"},
      {[](DifficultyConfig& config, DataConfig& data) {
         config.tier_by = "source";
         data.sources[0].tier = 0;
         data.sources[1].tier = 2;
       },
       "tier_by", "no source has tier 1"},
      {rule("file", {}, {}), "tier_by", "needs tier_file"},
      {[](DifficultyConfig& config, DataConfig&) { config.tier_file = "x"; }, "tier_file", "\"file\" only"},
  };
  for (const auto& [settings, place, message] : cases) {
    const Error error = refused(settings);
    INFO(message);
    CHECK(error.code() == ErrorCode::config);
    CHECK_THAT(error.place(), Contains(place));
    CHECK_THAT(error.message(), Contains(message));
  }
}

TEST_CASE("a file gives each document its tier", "[data][tiers]") {
  const std::vector<std::vector<uint8_t>> expected{{0, 1, 2, 0, 1}, {0, 1, 2}};
  const auto tier = [](size_t d) { return std::to_string(d % 3); };
  CHECK(file_tiers(every_line([&](const std::string& name, size_t d) {
          return "{\"source\": \"" + name + "\", \"document\": " + std::to_string(d) + ", \"tier\": " + tier(d) + "}\n";
        })) == expected);
  CHECK(file_tiers("source,document,tier\n" + every_line([&](const std::string& name, size_t d) {
                     return name + "," + std::to_string(d) + "," + tier(d) + "\r\n";
                   })) == expected);
  CHECK(file_tiers("tier,hash\n" + every_line([&](const std::string& name, size_t d) {
                     return tier(d) + "," + sha256_bytes(std::string(d + 1, name[0])) + "\n";
                   })) == expected);
}

TEST_CASE("a tier file is checked line by line", "[data][tiers]") {
  const auto problem = [](const std::string& text) {
    const Error error = error_of([&] { file_tiers(text); });
    CHECK(error.code() == ErrorCode::data);
    return error.place().substr(error.place().rfind('/')) + " " + error.message();
  };
  CHECK_THAT(problem("source,document\nx,0\n"), Contains("/tiers:1 ") && Contains("no column `tier`"));
  CHECK_THAT(problem("source,document,tier\nx,0\n"), Contains("/tiers:2 ") && Contains("2 cells"));
  CHECK_THAT(problem("source,document,tier\nx,0,one\n"), Contains("not a whole number: \"one\""));
  CHECK_THAT(problem("source,document,tier\nx,0,3\n"), Contains("tier 3 is not between 0 and 2"));
  CHECK_THAT(problem("source,document,tier\nz,0,1\n"), Contains("no source \"z\""));
  CHECK_THAT(problem("source,document,tier\ny,3,1\n"), Contains("has no document 3; it has 3"));
  CHECK_THAT(problem("source,document,tier\ny,0,1\ny,0,2\n"), Contains("/tiers:3 ") && Contains("already has tier 1"));
  CHECK_THAT(problem("source,document,tier\nx,0,1\n"), Contains("document 1 of source \"x\" (4 of its 5"));
  CHECK_THAT(problem("hash,tier\n0123456789abcdef,1\n"), Contains("no document has the hash"));
  CHECK_THAT(problem("{\"source\": \"x\", \"document\": 0}\n"), Contains("needs a whole number `tier`"));
  CHECK_THAT(problem("{nothing\n"), Contains("not a JSON object"));
  CHECK_THAT(problem("{\"source\": \"x\", \"document\": 0, \"tier\": 0.83}\n"), Contains("tier is not a whole number"));
}

TEST_CASE("a label gives each document its tier", "[data][tiers]") {
  const TempDir dir;
  SourceConfig labelled =
      source("s", put(dir / "a.jsonl",
                      "{\"text\":\"aaaa\",\"level\":\"hard\"}\n{\"text\":\"bb\",\"level\":\"easy\"}\n"
                      "{\"text\":\"cc\",\"level\":\"hard\"}\n{\"text\":\"dd\",\"level\":\"middle\"}\n"));
  labelled.label_field = "level";
  DataConfig data = byte_config(dir, {labelled});
  data.shard_tokens = 5;  // the labels lie beside several shards
  const auto prepare = [&](std::vector<std::string> labels) {
    DifficultySetup setup;
    setup.config.tier_by = "label";
    setup.config.tier_labels = std::move(labels);
    for (const char* key : {"tier_by", "tier_labels"})
      setup.places.set(std::string("difficulty.") + key, std::string("run.toml: ") + key);
    check(setup.config, data.sources, setup.places);
    return prepare_sources(data, *make_byte_tokenizer(), setup);
  };
  for (int again = 0; again < 2; ++again) {
    const PreparedData prepared = prepare({"easy", "middle", "hard"});
    CHECK(prepared.sources[0].tiers == std::vector<uint8_t>{2, 0, 2, 1});
    CHECK(prepared.tiers.size() == 3);
    CHECK(prepared.tiers[2].documents == 2);
  }
  const Error unknown = error_of([&] { prepare({"easy", "hard"}); });
  CHECK(unknown.code() == ErrorCode::data);
  CHECK_THAT(unknown.message(), Contains("document 3 of source \"s\" has the label \"middle\""));
  CHECK(unknown.place() == "run.toml: tier_labels");
  CHECK_THAT(error_of([&] {
               prepare({"easy", "middle", "hard", "hardest"});
             }).message(),
             Contains("tier 3 of 4 has no"));
  CHECK_THAT(error_of([&] { prepare({"easy", "easy"}); }).message(), Contains("stands twice"));
  CHECK_THAT(error_of([&] { prepare({}); }).message(), Contains("needs 1 to 255 tier_labels"));
  data.sources[0].label_field.clear();
  CHECK_THAT(error_of([&] { prepare({"easy"}); }).message(), Contains("\"s\" has none"));
}
