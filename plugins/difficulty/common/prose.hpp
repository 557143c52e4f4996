// Sentences and syllables: what readability formulas count. Rules for English; other languages get an estimate.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "words.hpp"

namespace espalier::sdk {

namespace detail {

/// A lower-case ASCII base letter for each of U+00C0 .. U+00FF, then of nothing.
inline char base_letter(char32_t c) {
  if (c < 0x80) return static_cast<char>(c);
  constexpr std::string_view kLatin1 = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty";
  return c >= 0xC0 && c <= 0xFF ? kLatin1[c - 0xC0] : '.';
}

inline bool is_vowel(char c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

inline bool is_abbreviation(std::string_view word) {
  if (word.size() == 1) return word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I';  // an initial
  constexpr std::string_view kTitles[] = {"Mr",   "Mrs", "Ms",   "Dr",  "Prof", "St",  "Mt", "Rev", "Hon",
                                          "Capt", "Col", "Gen",  "Lt",  "Sgt",  "Maj", "Jr", "Sr",  "Messrs",
                                          "vs",   "viz", "Hist", "Esq", "Vol",  "Fig", "No", "Mme"};
  return std::find(std::begin(kTitles), std::end(kTitles), word) != std::end(kTitles);
}

/// Whether a sentence ends between `before` and the text that follows. `gap` is all that lies between two words, `next`
/// the word after it.
inline bool ends_sentence(std::string_view before, std::string_view gap, std::string_view next) {
  bool stop = false, only_point = true;
  std::size_t new_lines = 0;
  for (std::size_t at = 0; at < gap.size();) {
    const CodePoint point = code_point_at(gap, at);
    at += point.size;
    switch (point.value) {
      case '.':
        stop = true;
        break;
      case '!':
      case '?':
      case 0x2026:  // ellipsis
      case 0x61F:   // Arabic question mark
        stop = true;
        only_point = false;
        break;
      case 0x3002:  // ideographic full stop, and full-width ! and ?
      case 0xFF01:
      case 0xFF1F:
      case 0x964:  // danda
        return true;
      case '\n':
        if (++new_lines == 2) return true;  // a blank line: headings have no full stop
        [[fallthrough]];
      case ' ':
      case '\t':
      case '\r':
      case 0xA0:
        if (stop) {
          if (next[0] >= 'a' && next[0] <= 'z') break;  // "Stop!" he said; e.g. this
          if (!only_point || !is_abbreviation(before)) return true;
        }
        break;
      default:
        new_lines = 0;
    }
  }
  return false;
}

}  // namespace detail

/// An estimate of the syllables of an English word: groups of vowels, less the silent e, more for vowels that are
/// spoken apart. A word without vowels and a number have one.
inline unsigned count_syllables(std::string_view word) {
  constexpr std::size_t kLongest = 64;  // longer "words" are not English: the rest is ignored
  std::array<char, kLongest> letters{};
  std::size_t size = 0;
  bool accented = false;  // the last letter: it is spoken
  for_each_folded(word, [&](char32_t c) {
    const char letter = detail::base_letter(c);
    accented = c >= 0x80;
    if (letter != '\'' && size < kLongest) letters[size++] = letter;
  });
  const std::string_view w(letters.data(), size);
  const auto ends = [&](std::string_view tail) {
    return w.size() >= tail.size() && w.substr(w.size() - tail.size()) == tail;
  };
  const auto vowel = [&](std::size_t i) { return i < w.size() && detail::is_vowel(w[i]); };
  int count = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (!vowel(i)) continue;
    const char here = w[i], before = i > 0 ? w[i - 1] : '.', ahead = i + 1 < w.size() ? w[i + 1] : '.';
    if (here == 'y' && vowel(i + 1) && (i == 0 || before == 'n' || before == 'w')) continue;  // "yes", "canyon"
    if (i == 0 || !vowel(i - 1)) {
      count += 1;
      continue;
    }
    // Within a group of vowels: spoken apart?
    const char earlier = i > 1 ? w[i - 2] : '.';
    const bool soft = earlier == 't' || earlier == 's' || earlier == 'c' || earlier == 'g' || earlier == 'x';
    if (before == 'i' && (here == 'a' || here == 'o' || here == 'u') && !soft && !vowel(i - 2)) count += 1;
    if (before == 'e' && here == 'o' && earlier != 'p' && earlier != 'g') count += 1;  // "video", not "people"
    if (before == 'u' && here == 'a' && earlier != 'q' && earlier != 'g') count += 1;  // "usual", not "quart"
    const bool silent = here == 'e' && (i + 1 == w.size() || (i + 2 == w.size() && (ahead == 's' || ahead == 'd')));
    if (before == 'y' && !silent) count += 1;  // "flying", "beyond", not "eyes", "played"
    if (before == 'i' && here == 'e' && (ahead == 't' || ahead == 'n') && !soft && i >= 3) count += 1;     // "quiet"
    if (here == 'i' && ahead == 'n' && i + 3 == w.size() && w[i + 2] == 'g' && before != 'y') count += 1;  // "seeing"
  }
  if (accented) return static_cast<unsigned>(std::max(count, 1));
  if (ends("e") && w.size() > 2 && !vowel(w.size() - 2)) {
    if (!(ends("le") && !vowel(w.size() - 3))) count -= 1;  // "make", not "table"
  } else if (ends("es") && w.size() > 3 && !vowel(w.size() - 3)) {
    const char c = w[w.size() - 3];
    const bool spoken = c == 's' || c == 'x' || c == 'z' || c == 'c' || c == 'g' || ends("ches") || ends("shes") ||
                        (c == 'l' && !vowel(w.size() - 4));
    if (!spoken) count -= 1;  // "makes", not "places", "tables"
  } else if (ends("ed") && w.size() > 3 && !vowel(w.size() - 3)) {
    const char c = w[w.size() - 3];
    const bool spoken = c == 't' || c == 'd' || (c == 'l' && !vowel(w.size() - 4) && w[w.size() - 4] != 'l');
    if (!spoken) count -= 1;  // "called", not "wanted", "settled"
  }
  if (ends("sm") || ends("thm")) count += 1;                            // "prism", "rhythm"
  if (ends("dnt") || ends("snt")) count += word.size() > size ? 1 : 0;  // "didn't", not "sent"
  if (ends("ely") && count > 2) count -= 1;                             // "lonely"
  return static_cast<unsigned>(std::max(count, 1));
}

/// What the formulas take from a text.
struct ProseCounts {
  std::uint64_t words = 0, sentences = 0;
  std::uint64_t characters = 0;  ///< letters and digits of all words
  std::uint64_t syllables = 0;
  std::uint64_t long_words = 0;  ///< of three syllables or more
};

/// Counts, and calls visit(std::string_view word) for each word. A sentence ends at . ! ? before white space and a word
/// that does not begin with a small letter, unless the point belongs to an initial or a title ("Mr."), and at a blank
/// line. A text with words has at least one sentence.
template <class Visit>
ProseCounts count_prose(std::string_view text, Visit&& visit) {
  ProseCounts counts;
  std::string_view before;
  for_each_word(text, [&](std::string_view word) {
    if (counts.words == 0) {
      counts.sentences = 1;
    } else {
      const std::size_t gap_begin = static_cast<std::size_t>(before.data() - text.data()) + before.size();
      const std::size_t gap_end = static_cast<std::size_t>(word.data() - text.data());
      const std::string_view gap = text.substr(gap_begin, gap_end - gap_begin);
      if (gap != " " && detail::ends_sentence(before, gap, word)) counts.sentences += 1;
    }
    counts.words += 1;
    const unsigned syllables = count_syllables(word);
    counts.syllables += syllables;
    if (syllables >= 3) counts.long_words += 1;
    for_each_folded(word, [&](char32_t c) {
      if (c != '\'' && c != '.' && c != ',') counts.characters += 1;
    });
    before = word;
    visit(word);
  });
  return counts;
}

}  // namespace espalier::sdk
