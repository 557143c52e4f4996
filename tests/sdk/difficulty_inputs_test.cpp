// Scorers over other scores: what they ask for, what they are shown, and fits in parts that merge into one.
#include <espalier/cpp/text.hpp>

#include <cmath>

#include "catch.h"
#include "sdk/loaded_plugin.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

/// Documents that are nothing but one input each.
struct Inputs {
  explicit Inputs(std::vector<float> given) : values(std::move(given)), ids(values.size()) {
    raw.struct_size = sizeof(esp_docs);
    raw.count = values.size();
    raw.ids = ids.data();
    raw.num_inputs = 1;
    raw.inputs = values.data();
  }

  std::vector<float> values;
  std::vector<std::uint64_t> ids;
  esp_docs raw{};
};

void fit(const Object& scorer, const std::vector<float>& values) {
  const Inputs docs(values);
  call_ok(scorer.table<esp_difficulty>().fit_batch, scorer.self(), &docs.raw);
}

struct Bytes {
  std::string text;
  std::size_t at = 0;
  esp_in stream() { return {this, &read}; }
  static std::int64_t read(void* context, void* data, std::uint64_t size) {
    auto& self = *static_cast<Bytes*>(context);
    const std::size_t moved = std::min<std::size_t>({size, self.text.size() - self.at, 3});
    self.text.copy(static_cast<char*>(data), moved, self.at);
    self.at += moved;
    return static_cast<std::int64_t>(moved);
  }
};

void merge(const Object& into, const std::string& state) {
  Bytes bytes{state};
  const esp_in in = bytes.stream();
  call_ok(into.table<esp_difficulty>().fit_merge, into.self(), &in);
}

std::vector<float> scores(const Object& scorer, const std::vector<float>& values) {
  const Inputs docs(values);
  std::vector<float> out(values.size());
  call_ok(scorer.table<esp_difficulty>().fit_end, scorer.self());
  call_ok(scorer.table<esp_difficulty>().score, scorer.self(), &docs.raw, out.data());
  return out;
}

}  // namespace

TEST_CASE("a scorer lists the scores it wants to see", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object scorer = library.create({{"of", "\"compression { level = 9 }\""}});
  const auto* table = static_cast<const esp_difficulty_inputs*>(scorer.get(ESP_DIFFICULTY_INPUTS));
  REQUIRE(table != nullptr);
  for (int again = 0; again < 2; ++again) {
    const esp_str* inputs = nullptr;
    std::uint32_t count = 0;
    call_ok(table->list, scorer.self(), &inputs, &count);
    REQUIRE(count == 1);
    CHECK(espalier::sdk::view(inputs[0]) == "compression { level = 9 }");
  }
  PluginLibrary length(plugin_path("length"));
  CHECK(length.create().get(ESP_DIFFICULTY_INPUTS) == nullptr);
}

TEST_CASE("parts that are fitted apart merge into the fit of the whole, in any order", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object whole = library.create(), one = library.create(), two = library.create(), three = library.create();
  fit(whole, {1, 2, NAN, 3, 4, 10});
  fit(one, {1, 2});
  fit(two, {NAN, 3});
  fit(three, {4, 10});
  const Object forth = library.create(), back = library.create();
  for (const Object* part : {&one, &two, &three}) merge(forth, part->save());
  merge(two, one.save());  // ((1 + 2) + 3), from the other end
  merge(back, three.save());
  merge(back, two.save());
  const std::vector<float> expected = scores(whole, {4, 0, 10});
  CHECK(expected[0] == 0);  // the mean
  CHECK(expected[2] == Approx(6 / std::sqrt(10.0)));
  CHECK(scores(forth, {4, 0, 10}) == expected);
  CHECK(scores(back, {4, 0, 10}) == expected);
}

TEST_CASE("a damaged state does not merge", "[sdk][difficulty]") {
  PluginLibrary library(fixture_path("standard_score"));
  const Object into = library.create(), other = library.create();
  fit(other, {1, 2});
  const std::string state = other.save();
  CHECK_THROWS_WITH(merge(into, state.substr(1)), Contains("ends early"));
  CHECK_THROWS_WITH(merge(into, state + "x"), Contains("longer than expected"));
}
