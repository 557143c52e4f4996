#include <bit>

#include "catch.h"
#include "core/base/rng.h"
#include "core/config/param_text.h"
#include "tests/config/read.h"

using Catch::Contains;
using espalier::Rng;
using espalier::test::read;
using espalier::test::Sample;

namespace {

std::string write(Sample& sample) {
  return espalier::write_toml([&](espalier::Fields& f) { sample.fields(f); });
}

std::string random_text(const Rng& rng, uint64_t stream) {
  std::string text;
  const uint64_t size = rng.below(12, 0, stream);
  for (uint64_t i = 0; i < size; ++i) text += static_cast<char>(rng.below(0x80, i + 1, stream));
  return text + (stream % 3 == 0 ? "né→" : "");
}

void check_equal(const Sample& a, const Sample& b) {
  CHECK(a.model == b.model);
  CHECK(a.data.sources == b.data.sources);
  CHECK(a.data.tokenizer == b.data.tokenizer);
  CHECK(a.warmup == b.warmup);
  CHECK(a.betas == b.betas);
  CHECK(a.tasks == b.tasks);
  CHECK(a.growth.choice.plugin == b.growth.choice.plugin);
  REQUIRE(a.growth.choice.params.size() == b.growth.choice.params.size());
  for (const auto& [key, value] : a.growth.choice.params) {
    REQUIRE(b.growth.choice.params.count(key) == 1);
    CHECK(value.is_list == b.growth.choice.params.at(key).is_list);
    CHECK(value.items == b.growth.choice.params.at(key).items);
  }
}

}  // namespace

TEST_CASE("a written configuration reads back equal", "[config][writer]") {
  const Rng rng(7, "writer");
  for (uint64_t i = 0; i < 200; ++i) {
    Sample sample;
    sample.model.norm_eps = std::max(1e-300, rng.uniform(i) * std::pow(10.0, static_cast<double>(i % 40) - 20));
    sample.model.d_model = static_cast<int64_t>(1 + rng.below(1u << 30, i));
    sample.model.bias = i % 2 == 0;
    sample.data.tokenizer = random_text(rng, 10 * i);
    sample.data.sources.resize(i % 4);
    for (auto& source : sample.data.sources) source = {random_text(rng, 10 * i + 1), random_text(rng, 10 * i + 2), 2.0};
    sample.warmup = {static_cast<double>(i * 1000), static_cast<espalier::Duration::Unit>(i % 5)};
    sample.betas = {rng.uniform(i, 1), 1.0};
    for (uint64_t t = 0; t < i % 3; ++t) sample.tasks.push_back(random_text(rng, 10 * i + 3 + t));
    sample.growth.choice.plugin = "org.example.x";
    sample.growth.choice.params["a b." + std::to_string(i)] = {false, {1.0}, ""};
    sample.growth.choice.params["list"] = {true, {true, int64_t{-3}, 1e300, random_text(rng, 10 * i + 9)}, ""};
    sample.growth.choice.params["empty"] = {true, {}, ""};
    const std::string text = write(sample);
    INFO(text);
    check_equal(sample, read(text));
  }
}

TEST_CASE("the defaults are written with every key, keys before sub-tables", "[config][writer]") {
  Sample sample;
  const std::string text = write(sample);
  for (const char* key : {"d_model = 384", "norm_eps = 1e-5", "bias = false", "warmup = \"100st\"", "sources = []",
                          "tokenizer = \"bytes\"", "plugin = \"\"", "betas = [0.9, 0.95]", "tasks = []"})
    CHECK_THAT(text, Contains(key));
  CHECK(text.find("warmup") < text.find("[model]"));
  check_equal(sample, read(text));
}

TEST_CASE("a float stays a float and takes the shortest form", "[config][writer]") {
  CHECK(espalier::toml_float(1) == "1.0");
  CHECK(espalier::toml_float(0.1) == "0.1");
  CHECK(espalier::toml_float(-2.5e-7) == "-2.5e-7");
  CHECK(espalier::toml_float(1e21) == "1e21");
  const Rng rng(3, "floats");
  for (uint64_t i = 0; i < 5000; ++i) {
    const auto words = rng.words(i);
    const auto value = std::bit_cast<double>((uint64_t{words[0]} << 32) | words[1]);
    if (!std::isfinite(value)) continue;
    const auto back = espalier::parse_param(espalier::toml_float(value), "");
    REQUIRE(back.items[0].index() == 2);
    CHECK(std::get<double>(back.items[0]) == value);
  }
}

TEST_CASE("single values are read and described", "[config][param]") {
  using espalier::describe_type;
  using espalier::parse_param;
  CHECK(describe_type(parse_param("3", "")) == "an integer");
  CHECK(describe_type(parse_param("0.5", "")) == "a number");
  CHECK(describe_type(parse_param("\"copy\"", "")) == "a text");
  CHECK(describe_type(parse_param("[1, 2]", "")) == "a list of integers");
  CHECK(describe_type(parse_param("[]", "")) == "an empty list");
  CHECK(describe_type(parse_param("[1, 'a']", "")) == "a list of mixed types");
  for (const char* bad : {"copy", "", "1 2", "{a=1}", "[[1]]", "2024-01-01", "1\nb = 2"})
    CHECK_THROWS_AS(parse_param(bad, "here"), espalier::Error);
}

TEST_CASE("the documentation lists every key with what is allowed", "[config][docs]") {
  Sample sample;
  const std::string text = espalier::document_fields([&](espalier::Fields& f) { sample.fields(f); });
  CHECK_THAT(text, Contains("## `[model]`"));
  CHECK_THAT(text, Contains("## `[[data.sources]]`"));
  CHECK_THAT(text, Contains("| `d_model` | integer | `384` | at least 1 | Width. |"));
  CHECK_THAT(text, Contains("| `norm` | text | `\"rmsnorm\"` | `\"rmsnorm\"`, `\"layernorm\"` | Kind of norm. |"));
  CHECK_THAT(text, Contains("Whether linear layers \\| have a bias."));
  CHECK_THAT(text, Contains("| `weight` | number | `1.0` | at least 0 | Weight. |"));
}
