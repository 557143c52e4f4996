// MTLD, MATTR and TTR: published implementations, definitions, and properties.
#include <cmath>
#include <set>

#include "catch.h"
#include "plugins/difficulty/common/hash.hpp"
#include "plugins/difficulty/lexical-diversity/diversity.hpp"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;

namespace {

// The text of the readability test; lexicalrichness 0.5.1 (PyPI) finds 117 words of 74 types.
const std::string kAusten =
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, this "
    "truth is so well fixed in the minds of the surrounding families, that he is considered the rightful property of "
    "some one or other of their daughters. She told him that the house was taken by a young man of large fortune from "
    "the north of England. He came down on Monday in a chaise and four to see the place, and was so much delighted "
    "with "
    "it, that he agreed with him immediately.";

}  // namespace

TEST_CASE("lexical diversity gives known values", "[sdk][difficulty][diversity]") {
  PluginLibrary library(plugin_path("lexical-diversity"));
  // lexicalrichness 0.5.1: mtld(0.72), mattr(50), ttr.
  CHECK(Scorer(library).score(kAusten) == Approx(61.59525769279473));
  CHECK(Scorer(library, {{"measure", "\"mattr\""}}).score(kAusten) == Approx(0.7852941176470589));
  CHECK(Scorer(library, {{"measure", "\"ttr\""}}).score(kAusten) == Approx(0.6324786324786325));
}

TEST_CASE("MTLD by hand", "[sdk][difficulty][diversity]") {
  // 1 1: ratio 1/2 ends a factor after two words, in both directions.
  CHECK(diversity::mtld({1, 1, 1, 1}, 0.72) == Approx(2));
  // Forward 1 2 1 (2/3) ends the only factor, then 3 alone is none: 4 words a factor. Backward 3 1 2 1 has ratio 3/4:
  // a part of (1 - 3/4) / (1 - 0.72) of a factor.
  CHECK(diversity::mtld({1, 2, 1, 3}, 0.72) == Approx((4 + 4 / (0.25 / 0.28)) / 2));
  // 18 types in 25 words are a ratio of exactly 0.72: the factor ends.
  std::vector<std::uint64_t> words;
  for (std::uint64_t i = 0; i < 25; ++i) words.push_back(i % 18);
  CHECK(diversity::mtld_pass(words.begin(), words.end(), 0.72) == Approx(25));
  CHECK(diversity::mtld({1, 2, 3, 4}, 0.72) == 4);  // no repetition: one factor
}

TEST_CASE("MTLD is the same backwards, MATTR agrees with its definition", "[sdk][difficulty][diversity]") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> words(50 + random() % 400);
    const std::uint64_t types = 5 + random() % 300;
    for (auto& word : words) word = espalier::sdk::mix64(random() % types);
    const std::vector<std::uint64_t> backwards(words.rbegin(), words.rend());
    CHECK(diversity::mtld(words, 0.72) == diversity::mtld(backwards, 0.72));
    for (const std::size_t window : {std::size_t{1}, std::size_t{10}, words.size()}) {
      double sum = 0;
      for (std::size_t at = 0; at + window <= words.size(); ++at) {
        sum += static_cast<double>(std::set<std::uint64_t>(words.begin() + static_cast<std::ptrdiff_t>(at),
                                                           words.begin() + static_cast<std::ptrdiff_t>(at + window))
                                       .size()) /
               static_cast<double>(window);
      }
      CHECK(diversity::mattr(words, window) == Approx(sum / static_cast<double>(words.size() - window + 1)));
    }
    CHECK(diversity::ttr(words) == diversity::mattr(words, words.size()));
  }
}

TEST_CASE("a larger vocabulary is harder, whatever the length", "[sdk][difficulty][diversity]") {
  PluginLibrary library(plugin_path("lexical-diversity"));
  for (const std::string measure : {"mtld", "mattr"}) {
    const Scorer scorer(library, {{"measure", "\"" + measure + "\""}});
    std::mt19937 random(8);
    const float narrow = scorer.score(random_prose(random, 2000, 50));
    const float middle = scorer.score(random_prose(random, 1000, 200));
    const float wide = scorer.score(random_prose(random, 4000, 3000));
    CHECK(narrow < middle);
    CHECK(middle < wide);
  }
}

TEST_CASE("documents with too few words get no diversity", "[sdk][difficulty][diversity]") {
  PluginLibrary library(plugin_path("lexical-diversity"));
  std::mt19937 random(9);
  CHECK(std::isnan(Scorer(library).score(random_prose(random, 49, 20))));
  CHECK(std::isfinite(Scorer(library).score(random_prose(random, 50, 20))));
  const Scorer mattr(library, {{"measure", "\"mattr\""}, {"window", "60"}});
  CHECK(std::isnan(mattr.score(random_prose(random, 59, 20))));
  CHECK(std::isfinite(mattr.score(random_prose(random, 60, 20))));
}
