// Surprisal of words under the counts of the corpus.
#include <cmath>

#include "catch.h"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

TEST_CASE("rarity is the mean surprisal of the words", "[sdk][difficulty][rarity]") {
  PluginLibrary library(plugin_path("rarity"));
  const Scorer scorer(library);
  scorer.fit({"the the THE", "cat"});
  // Counts 3 and 1 of 4; with one added to each and to an unseen word: 4/7, 2/7, 1/7, which sum to 1.
  const double the = std::log2(7 / 4.0), cat = std::log2(7 / 2.0), unseen = std::log2(7.0);
  CHECK(scorer.score("the") == Approx(the));
  CHECK(scorer.score("Cat.") == Approx(cat));
  CHECK(scorer.score("zebra") == Approx(unseen));
  CHECK(scorer.score("The cat, the zebra!") == Approx((2 * the + cat + unseen) / 4));
  CHECK(std::isnan(scorer.score("")));
  CHECK(std::isnan(scorer.score("... --")));
}

TEST_CASE("rarity per byte, smoothing and the shortest document", "[sdk][difficulty][rarity]") {
  PluginLibrary library(plugin_path("rarity"));
  const Scorer per_byte(library, {{"per", "\"byte\""}, {"smoothing", "0.5"}, {"min_words", "2"}});
  per_byte.fit({"the the the cat"});
  CHECK(std::isnan(per_byte.score("the")));
  CHECK(per_byte.score("the cat!") == Approx((std::log2(5.5 / 3.5) + std::log2(5.5 / 1.5)) / 8));
}

TEST_CASE("score() before the fit is refused", "[sdk][difficulty][rarity]") {
  PluginLibrary library(plugin_path("rarity"));
  CHECK_THROWS_WITH(Scorer(library).score("word"), Contains("before fit_end()"));
}

TEST_CASE("rarer words are harder", "[sdk][difficulty][rarity]") {
  PluginLibrary library(plugin_path("rarity"));
  const Scorer scorer(library);
  std::mt19937 random(1);
  Texts corpus;
  for (int i = 0; i < 50; ++i) corpus.push_back(random_prose(random, 200, 50));
  for (int i = 0; i < 50; ++i) corpus.push_back(random_prose(random, 20, 1000));
  scorer.fit(corpus);
  CHECK(scorer.score(corpus[0]) + 1 < scorer.score(corpus[99]));
}
