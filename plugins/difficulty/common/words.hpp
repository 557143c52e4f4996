// Words of a text, whatever its bytes: where they begin and end, and a hash that ignores case.
//
// A word is a run of letters, marks and digits. An apostrophe between letters and a point or comma between digits
// belong to it ("don't", "1,000.5"); a hyphen ends it. Each ideograph and each kana is a word of its own, since Chinese
// and Japanese write no spaces. Invalid UTF-8 ends a word. Letters are told from punctuation by Unicode blocks, not by
// Unicode's full tables.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "hash.hpp"
#include "utf8.hpp"

namespace espalier::sdk {

namespace detail {

enum class CharClass : unsigned char { kOther, kLetter, kDigit, kIdeograph };

constexpr std::array<CharClass, 128> ascii_classes() {
  std::array<CharClass, 128> classes{};
  for (std::size_t c = 0; c < 128; ++c) {
    if (c >= '0' && c <= '9') classes[c] = CharClass::kDigit;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) classes[c] = CharClass::kLetter;
  }
  return classes;
}

inline constexpr std::array<CharClass, 128> kAsciiClasses = ascii_classes();

/// Of a code point above ASCII.
inline CharClass wide_class(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range kIdeographs[] = {{0x3005, 0x3007}, {0x3041, 0x30FF}, {0x3400, 0x4DBF},  {0x4E00, 0x9FFF},
                                   {0xF900, 0xFAFF}, {0xFF66, 0xFF9F}, {0x20000, 0x323AF}};
  // Punctuation, symbols, arrows, boxes, private use, emoji.
  constexpr Range kOthers[] = {
      {0x80, 0xA9},       {0xAB, 0xB4},       {0xB6, 0xB9},     {0xBB, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},
      {0x37E, 0x37E},     {0x387, 0x387},     {0x55A, 0x55F},   {0x589, 0x58A},   {0x60C, 0x60D},   {0x61B, 0x61F},
      {0x66A, 0x66D},     {0x6D4, 0x6D4},     {0x964, 0x965},   {0x2000, 0x206F}, {0x20A0, 0x20CF}, {0x2190, 0x2BFF},
      {0x2E00, 0x2E7F},   {0x3000, 0x3004},   {0x3008, 0x3030}, {0x303D, 0x303F}, {0xE000, 0xF8FF}, {0xFE00, 0xFE1F},
      {0xFE30, 0xFE6F},   {0xFF00, 0xFF0F},   {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF},
      {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};
  for (const Range& range : kOthers) {
    if (c >= range.first && c <= range.last) return CharClass::kOther;
  }
  if (c < 0x3005) return CharClass::kLetter;
  for (const Range& range : kIdeographs) {
    if (c >= range.first && c <= range.last) return CharClass::kIdeograph;
  }
  return CharClass::kLetter;
}

inline CharClass class_of(CodePoint point) {
  if (point.value < 0x80) return kAsciiClasses[point.value];
  return point.value == kInvalidCodePoint ? CharClass::kOther : wide_class(point.value);
}

constexpr char32_t kCurlyApostrophe = 0x2019;

/// The byte after the word that begins at `at`, a letter or digit of class `kind`.
inline std::size_t word_end(std::string_view text, std::size_t at, CharClass kind) {
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80 && kAsciiClasses[byte] != CharClass::kOther) {
      kind = kAsciiClasses[byte];
      ++at;
      continue;
    }
    const CodePoint point = code_point_at(text, at);
    const CharClass next = class_of(point);
    if (next == CharClass::kIdeograph) return at;
    if (next == CharClass::kOther) {
      const bool in_word = point.value == '\'' || point.value == kCurlyApostrophe;
      const bool in_number = point.value == '.' || point.value == ',';
      const CharClass wanted = in_number ? CharClass::kDigit : CharClass::kLetter;
      const std::size_t after = at + point.size;
      if ((!in_word && !in_number) || kind != wanted || after >= text.size()) return at;
      if (class_of(code_point_at(text, after)) != wanted) return at;
    } else {
      kind = next;
    }
    at += point.size;
  }
  return at;
}

/// Simple lower case of Latin, Greek and Cyrillic letters above ASCII; the curly apostrophe becomes the plain one.
inline char32_t fold_wide(char32_t c) {
  if (c == kCurlyApostrophe) return '\'';
  if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) {
    return c + 0x20;
  }
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
      (c >= 0x48A && c <= 0x4BF) || (c >= 0x1E00 && c <= 0x1EFF)) {
    return c | 1;  // pairs: upper case is even
  }
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);  // pairs: upper case is odd
  return c;
}

}  // namespace detail

/// Calls visit(std::string_view word) for each word of `text`, in order; the views point into `text`.
template <class Visit>
void for_each_word(std::string_view text, Visit&& visit) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80 && detail::kAsciiClasses[byte] == detail::CharClass::kOther) {
      ++at;
      continue;
    }
    const CodePoint point = code_point_at(text, at);
    const detail::CharClass kind = detail::class_of(point);
    const std::size_t begin = at;
    at += point.size;
    if (kind == detail::CharClass::kOther) continue;
    if (kind != detail::CharClass::kIdeograph) at = detail::word_end(text, at, kind);
    visit(text.substr(begin, at - begin));
  }
}

inline std::size_t count_words(std::string_view text) {
  std::size_t count = 0;
  for_each_word(text, [&](std::string_view) { ++count; });
  return count;
}

/// Calls emit(char32_t) for each code point of a word, in lower case (ASCII, Latin, Greek, Cyrillic).
template <class Emit>
void for_each_folded(std::string_view word, Emit&& emit) {
  for (std::size_t at = 0; at < word.size();) {
    const auto byte = static_cast<unsigned char>(word[at]);
    if (byte < 0x80) {
      emit(static_cast<char32_t>(byte >= 'A' && byte <= 'Z' ? byte + 0x20 : byte));
      ++at;
      continue;
    }
    const CodePoint point = code_point_at(word, at);
    at += point.size;
    if (point.value != kInvalidCodePoint) emit(detail::fold_wide(point.value));
  }
}

/// Of a word as for_each_word() gives it, whatever its case.
inline std::uint64_t word_hash(std::string_view word) {
  ByteHash hash;
  for_each_folded(word, [&](char32_t c) { encode_utf8(c, [&](unsigned char byte) { hash.add(byte); }); });
  return hash.finish();
}

}  // namespace espalier::sdk
