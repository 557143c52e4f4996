// Shares of n-grams that no other document has, against exact sets.
#include <cmath>
#include <map>
#include <set>

#include "catch.h"
#include "plugins/difficulty/common/words.hpp"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

using Gram = std::vector<std::uint64_t>;

std::vector<Gram> grams(const std::string& text, std::size_t n) {
  Gram words;
  espalier::sdk::for_each_word(text, [&](std::string_view word) { words.push_back(espalier::sdk::word_hash(word)); });
  if (words.empty()) return {};
  if (words.size() < n) return {words};
  std::vector<Gram> out;
  for (std::size_t at = 0; at + n <= words.size(); ++at) {
    out.emplace_back(words.begin() + static_cast<std::ptrdiff_t>(at),
                     words.begin() + static_cast<std::ptrdiff_t>(at + n));
  }
  return out;
}

}  // namespace

TEST_CASE("novelty is the share of n-grams seen nowhere else", "[sdk][difficulty][novelty]") {
  PluginLibrary library(plugin_path("dedup-novelty"));
  const Scorer scorer(library, {{"n", "2"}});
  const Texts texts = {"a b c", "x y x y", "B C d", "e", "E", "f", "", "a b c d"};
  scorer.fit(texts);
  const std::vector<float> scores = scorer.scores(texts);
  CHECK(scores[0] == 0);  // "a b" and "b c" both occur elsewhere
  CHECK(scores[1] == 1);  // repeats itself, but nobody else
  CHECK(scores[2] == 0);  // "b c", "c d"
  CHECK(scores[3] == 0);  // shorter than n: the whole document, "e" and "E"
  CHECK(scores[5] == 1);
  CHECK(std::isnan(scores[6]));          // nothing to judge
  CHECK(scorer.score("a b q") == 0.5f);  // "b q" is in no document
}

TEST_CASE("novelty agrees with exact sets", "[sdk][difficulty][novelty]") {
  PluginLibrary library(plugin_path("dedup-novelty"));
  std::mt19937 random(5);
  for (const std::size_t n : {std::size_t{1}, std::size_t{3}, std::size_t{5}}) {
    Texts texts;
    for (int i = 0; i < 60; ++i) texts.push_back(random_prose(random, random() % 60, n == 1 ? 2000 : 12));
    std::map<Gram, std::size_t> documents;
    for (const std::string& text : texts) {
      const std::vector<Gram> all = grams(text, n);
      for (const Gram& gram : std::set<Gram>(all.begin(), all.end())) documents[gram] += 1;
    }
    const Scorer scorer(library,
                        {{"n", std::to_string(n)}, {"table_bits", "24"}});  // so large that no two collide here
    scorer.fit(texts);
    const std::vector<float> scores = scorer.scores(texts);
    bool some_between = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::vector<Gram> all = grams(texts[i], n);
      std::size_t novel = 0;
      for (const Gram& gram : all) novel += documents[gram] < 2 ? 1 : 0;
      INFO("n " << n << " document " << i);
      if (all.empty()) {
        CHECK(std::isnan(scores[i]));
      } else {
        CHECK(scores[i] == Approx(static_cast<double>(novel) / static_cast<double>(all.size())));
        some_between = some_between || (scores[i] > 0 && scores[i] < 1);
      }
    }
    CHECK(some_between);
  }
}

TEST_CASE("one in k of the n-grams is an estimate of all", "[sdk][difficulty][novelty]") {
  PluginLibrary library(plugin_path("dedup-novelty"));
  std::mt19937 random(6);
  const std::string shared = random_prose(random, 5000, 3000);
  const Texts texts = {shared + random_prose(random, 5000, 3000), shared + random_prose(random, 2000, 3000)};
  const Scorer all(library), some(library, {{"keep_one_in", "8"}});
  all.fit(texts);
  some.fit(texts);
  CHECK(all.score(texts[0]) == Approx(0.5).margin(0.01));
  CHECK(some.score(texts[0]) == Approx(all.score(texts[0])).margin(0.05));
  CHECK(some.score(texts[0]) != all.score(texts[0]));
  CHECK_THROWS_WITH(Scorer(library).score("text"), Contains("before fit_end()"));
}
