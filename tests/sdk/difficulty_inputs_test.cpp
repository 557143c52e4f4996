// Scorers over other scores: what they ask for, what they are shown, and fits in parts that merge into one.
#include <cmath>

#include "catch.h"
#include "sdk/docs_of_inputs.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

TEST_CASE("a scorer lists the scores it wants to see", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object scorer = library.create({{"of", "\"compression { level = 9 }\""}});
  for (int again = 0; again < 2; ++again)
    CHECK(inputs_of(scorer) == std::vector<std::string>{"compression { level = 9 }"});
  PluginLibrary length(plugin_path("length"));
  CHECK(length.create().get(ESP_DIFFICULTY_INPUTS) == nullptr);
}

TEST_CASE("parts that are fitted apart merge into the fit of the whole, in any order", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object whole = library.create(), one = library.create(), two = library.create(), three = library.create();
  fit(whole, {{1}, {2}, {NAN}, {3}, {4}, {10}});
  fit(one, {{1}, {2}});
  fit(two, {{NAN}, {3}});
  fit(three, {{4}, {10}});
  const Object forth = library.create(), back = library.create();
  for (const Object* part : {&one, &two, &three}) merge(forth, part->save());
  merge(two, one.save());  // (3 + (2 + 1)), from the other end
  merge(back, three.save());
  merge(back, two.save());
  for (const Object* scorer : {&whole, &forth, &back}) end_fit(*scorer);
  const std::vector<std::vector<float>> asked = {{4}, {0}, {10}};
  const std::vector<float> expected = scores(whole, asked);
  CHECK(expected[0] == 0);  // the mean
  CHECK(expected[2] == Approx(6 / std::sqrt(10.0)));
  CHECK(scores(forth, asked) == expected);
  CHECK(scores(back, asked) == expected);
}

TEST_CASE("a damaged state does not merge", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object into = library.create(), other = library.create();
  fit(other, {{1}, {2}});
  const std::string state = other.save();
  CHECK_THROWS_WITH(merge(into, state.substr(1)), Contains("ends early"));
  CHECK_THROWS_WITH(merge(into, state + "x"), Contains("longer than expected"));
}

TEST_CASE("proxy-loss asks for the loss of its models and takes one off the other", "[sdk][difficulty][proxy-loss]") {
  PluginLibrary library(plugin_path("proxy-loss"));
  const Object one = library.create({{"model", "\"runs/a \\\"b\\\"\""}});
  CHECK(inputs_of(one) == std::vector<std::string>{"host.loss { model = \"runs/a \\\"b\\\"\" }"});
  CHECK(scores(one, {{1.5f}, {2}}) == std::vector<float>{1.5f, 2});
  const Object two = library.create({{"model", "\"a\""}, {"reference", "\"b\""}});
  CHECK(inputs_of(two) == std::vector<std::string>{"host.loss { model = \"a\" }", "host.loss { model = \"b\" }"});
  CHECK(scores(two, {{1.5f, 1}, {2, 3}}) == std::vector<float>{0.5f, -1});
  CHECK_THROWS_WITH(library.create(), Contains("model"));
}
