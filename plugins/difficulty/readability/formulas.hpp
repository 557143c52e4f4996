// The readability formulas, each as its source prints it.
#pragma once

#include "../common/prose.hpp"

namespace formulas {

/// What the formulas take. REQUIRES: counts.words > 0.
struct Rates {
  Rates(const espalier::sdk::ProseCounts& counts, std::uint64_t unfamiliar) {
    const auto words = static_cast<double>(counts.words);
    words_per_sentence = words / static_cast<double>(counts.sentences);
    syllables_per_word = static_cast<double>(counts.syllables) / words;
    characters_per_word = static_cast<double>(counts.characters) / words;
    percent_long = 100 * static_cast<double>(counts.long_words) / words;
    percent_unfamiliar = 100 * static_cast<double>(unfamiliar) / words;
  }

  double words_per_sentence, syllables_per_word, characters_per_word;
  double percent_long;  ///< words of three syllables or more
  double percent_unfamiliar;
};

/// A U.S. school grade (Kincaid, Fishburne, Rogers and Chissom 1975).
inline double flesch_kincaid(const Rates& r) {
  return 0.39 * r.words_per_sentence + 11.8 * r.syllables_per_word - 15.59;
}

/// 100 is very easy, 0 very hard (Flesch 1948).
inline double flesch_reading_ease(const Rates& r) {
  return 206.835 - 1.015 * r.words_per_sentence - 84.6 * r.syllables_per_word;
}

/// Raw score; more than 5 % unfamiliar words add 3.6365 (Dale and Chall 1948, in its adjusted form).
inline double dale_chall(const Rates& r) {
  const double raw = 0.1579 * r.percent_unfamiliar + 0.0496 * r.words_per_sentence;
  return r.percent_unfamiliar > 5 ? raw + 3.6365 : raw;
}

/// A grade (Gunning 1952); every word of three syllables or more is a hard one.
inline double gunning_fog(const Rates& r) {
  return 0.4 * (r.words_per_sentence + r.percent_long);
}

/// A grade from letters and sentences per 100 words (Coleman and Liau 1975).
inline double coleman_liau(const Rates& r) {
  return 0.0588 * 100 * r.characters_per_word - 0.296 * 100 / r.words_per_sentence - 15.8;
}

/// A grade from characters per word (Smith and Senter 1967).
inline double automated_readability(const Rates& r) {
  return 4.71 * r.characters_per_word + 0.5 * r.words_per_sentence - 21.43;
}

}  // namespace formulas
