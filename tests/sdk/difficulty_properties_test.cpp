// What holds for every text scorer: order, batches, splits and a saved fit change nothing; no document breaks it.
#include <cmath>
#include <cstring>
#include <thread>

#include "catch.h"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;

namespace {

struct Choice {
  std::string name;
  FakeConfig::Overrides params;
};

Choice shipped(const std::string& name) {
  for (const ShippedPlugin& plugin : shipped_plugins()) {
    if (plugin.name == name) return {name, plugin.params};
  }
  throw std::invalid_argument(name);
}

/// Every scorer of text, also with what is not its default. Small tables, so that counters are shared.
const std::vector<Choice>& choices() {
  static const std::vector<Choice> all = {
      {"length", {}},
      {"compression", {}},
      {"readability", {}},
      {"readability", {{"formula", "\"dale-chall\""}, {"table_bits", "10"}, {"easy_words", "50"}}},
      {"readability", {{"formula", "\"ari\""}, {"min_words", "1"}}},
      {"lexical-diversity", {}},
      {"lexical-diversity", {{"measure", "\"mattr\""}, {"window", "5"}, {"min_words", "1"}}},
      {"rarity", {{"table_bits", "10"}}},
      {"rarity", {{"per", "\"byte\""}, {"table_bits", "16"}}},
      {"ngram-lm", {{"fit_bytes", "20000"}, {"document_bytes", "700"}}},
      {"ngram-lm", {{"unit", "\"words\""}, {"smoothing", "\"stupid-backoff\""}, {"fit_bytes", "1000000"}}},
      {"dedup-novelty", {{"table_bits", "14"}}},
      {"dedup-novelty", {{"n", "1"}, {"keep_one_in", "2"}, {"table_bits", "10"}}},
      shipped("quality"),
  };
  return all;
}

Texts corpus(std::mt19937& random) {
  Texts texts;
  for (std::size_t i = 0; i < 40; ++i) texts.push_back(random_prose(random, 1 + random() % 300, 400));
  for (std::size_t i = 0; i < 15; ++i) texts.push_back(random_bytes(random, random() % 2000));
  texts.push_back("");
  texts.push_back("One");
  texts.push_back(texts[3]);
  return texts;
}

/// Equal to the bit, NaN and all.
bool equal(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::string label(const Choice& choice) {
  std::string out = choice.name;
  for (const auto& [key, value] : choice.params) out += " " + key + "=" + value;
  return out;
}

}  // namespace

TEST_CASE("neither the order of documents nor the batches change a score", "[sdk][difficulty][property]") {
  for (const Choice& choice : choices()) {
    INFO(label(choice));
    PluginLibrary library(plugin_path(choice.name));
    std::mt19937 random(21);
    const Texts texts = corpus(random);
    const Scorer first(library, choice.params);
    first.fit(texts, 1000);
    const std::vector<float> expected = first.scores(texts);
    for (int round = 0; round < 3; ++round) {
      std::vector<std::size_t> order(texts.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      Texts shuffled;
      std::vector<float> expected_now;
      for (const std::size_t i : order) {
        shuffled.push_back(texts[i]);
        expected_now.push_back(expected[i]);
      }
      const Scorer other(library, choice.params);
      other.fit(shuffled, 1 + random() % 9);
      CHECK(equal(other.scores(shuffled), expected_now));
      std::vector<float> one_by_one;
      for (const std::string& text : shuffled) one_by_one.push_back(other.score(text));
      CHECK(equal(one_by_one, expected_now));
    }
  }
}

TEST_CASE("a fit in parts is the fit of the whole, however it is cut and merged", "[sdk][difficulty][property]") {
  int merging = 0;
  for (const Choice& choice : choices()) {
    INFO(label(choice));
    PluginLibrary library(plugin_path(choice.name));
    std::mt19937 random(22);
    const Texts texts = corpus(random);
    const Scorer whole(library, choice.params);
    if (!whole.fits()) continue;
    REQUIRE(whole.table().fit_merge != nullptr);
    merging += 1;
    whole.fit(texts);
    const std::vector<float> expected = whole.scores(texts);
    for (int round = 0; round < 3; ++round) {
      // Five objects see the documents as they come, then any two merge until one is left.
      std::vector<std::unique_ptr<Scorer>> parts;
      for (int i = 0; i < 5; ++i) parts.push_back(std::make_unique<Scorer>(library, choice.params));
      for (const std::string& text : texts) parts[random() % 5]->fit_batch({text});
      while (parts.size() > 1) {
        std::shuffle(parts.begin(), parts.end(), random);
        parts[0]->merge(parts.back()->object().save());
        parts.pop_back();
      }
      parts[0]->fit_end();
      CHECK(equal(parts[0]->scores(texts), expected));
      CHECK(parts[0]->object().save() == whole.object().save());
    }
  }
  CHECK(merging == 7);
}

TEST_CASE("a saved fit scores the same in another object", "[sdk][difficulty][property]") {
  for (const Choice& choice : choices()) {
    INFO(label(choice));
    PluginLibrary library(plugin_path(choice.name));
    std::mt19937 random(23);
    const Texts texts = corpus(random);
    const Scorer fitted(library, choice.params);
    if (!fitted.fits()) continue;
    fitted.fit(texts);
    const std::string state = fitted.object().save();
    const Scorer loaded(library, choice.params);
    loaded.object().load(state, 1, 1000);
    CHECK(equal(loaded.scores(texts), fitted.scores(texts)));
    CHECK(loaded.object().save() == state);
    // Before fit_end() too, and then the fit goes on.
    const Scorer begun(library, choice.params), resumed(library, choice.params);
    begun.fit_batch(Texts(texts.begin(), texts.begin() + 20));
    resumed.object().load(begun.object().save(), 1);
    CHECK_THROWS_AS(resumed.scores(texts), PluginError);
    resumed.fit_batch(Texts(texts.begin() + 20, texts.end()));
    resumed.fit_end();
    CHECK(equal(resumed.scores(texts), fitted.scores(texts)));
    for (const std::size_t size : {std::size_t{0}, std::size_t{9}, state.size() / 2, state.size() - 1}) {
      CHECK_THROWS_AS(loaded.object().load(state.substr(0, size), 1), PluginError);
    }
    CHECK_THROWS_AS(loaded.object().load(state + "x", 1), PluginError);
  }
}

TEST_CASE("several threads may score at once", "[sdk][difficulty][property]") {
  for (const Choice& choice : choices()) {
    INFO(label(choice));
    PluginLibrary library(plugin_path(choice.name));
    CHECK((library.desc().claims & ESP_CLAIM_REENTRANT) != 0);
    CHECK((library.desc().claims & ESP_CLAIM_DETERMINISTIC) != 0);
    std::mt19937 random(24);
    const Texts texts = corpus(random);
    const Scorer scorer(library, choice.params);
    scorer.fit(texts);
    const std::vector<float> expected = scorer.scores(texts);
    std::vector<std::vector<float>> got(3);
    std::vector<std::thread> threads;
    for (auto& scores : got) threads.emplace_back([&] { scores = scorer.scores(texts); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& scores : got) CHECK(equal(scores, expected));
  }
}

TEST_CASE("no document breaks a scorer", "[sdk][difficulty][property]") {
  std::mt19937 random(25);
  Texts texts = {"",
                 " \t\n",
                 "a",
                 "word",
                 "...",
                 std::string(100, '\xFF'),
                 std::string(1000, '\0'),
                 std::string(3000000, 'y'),
                 "\xEF\xBB\xBF"
                 "Mark first. \xF0\x9F\x98\x80\xF0\x9F\x98\x80 \xE2\x82",
                 "\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97\xE3\x80\x82",
                 "1 2 3 4 5 6 7 8 9 10 11 12",
                 random_bytes(random, 100000)};
  std::string very_long = "A word and ";
  while (very_long.size() < 2000000) very_long += random_prose(random, 1000, 5000);
  texts.push_back(very_long);
  for (const Choice& choice : choices()) {
    INFO(label(choice));
    PluginLibrary library(plugin_path(choice.name));
    const Scorer scorer(library, choice.params);
    scorer.fit(texts);
    const std::vector<float> scores = scorer.scores(texts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      INFO("document " << i);
      CHECK_FALSE(std::isinf(scores[i]));
    }
    CHECK(std::isfinite(scores.back()));
    CHECK(scorer.scores({}).empty());
    const Scorer of_nothing(library, choice.params);  // an empty corpus
    of_nothing.fit({});
    if (of_nothing.fits()) {
      for (const float score : of_nothing.scores(texts)) CHECK_FALSE(std::isinf(score));
    }
  }
}
