// The classes of code points that pre-tokenizers ask for, from the general categories of Unicode 16.0.
#pragma once

#include <cstdint>
#include <string_view>

namespace espalier {

// Bits; a code point may have several, or none (controls, format characters, unassigned).
struct CharClass {
  static constexpr uint8_t kLetter = 1;         // \p{L}
  static constexpr uint8_t kNumber = 2;         // \p{N}
  static constexpr uint8_t kSpace = 4;          // \s: the property White_Space
  static constexpr uint8_t kNewline = 8;        // \r and \n
  static constexpr uint8_t kUpper = 16;         // \p{Lu} \p{Lt} \p{Lm} \p{Lo} \p{M}
  static constexpr uint8_t kLower = 32;         // \p{Ll} \p{Lm} \p{Lo} \p{M}
  static constexpr uint8_t kMark = 64;          // \p{M}
  static constexpr uint8_t kPunctuation = 128;  // \p{P} \p{S}
};

// The bits of every code point, 0x110000 of them.
const uint8_t* char_classes();

struct Char {
  uint32_t code;
  uint32_t bytes;  // 1 to 4
};

// The character at `at` < text.size() of a UTF-8 text. A byte that begins no valid character is a code point of its own
// that has no class (U+FFFF).
inline Char char_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto tail = [](uint8_t b) { return (b & 0xC0) == 0x80; };
  const uint32_t first = byte(at);
  if (first < 0x80) return {first, 1};
  const uint32_t b1 = byte(at + 1), b2 = byte(at + 2), b3 = byte(at + 3);
  const bool t1 = tail(static_cast<uint8_t>(b1)), t2 = tail(static_cast<uint8_t>(b2)),
             t3 = tail(static_cast<uint8_t>(b3));
  if (first >= 0xC2 && first < 0xE0 && t1) return {(first & 0x1F) << 6 | (b1 & 0x3F), 2};
  if (first >= 0xE0 && first < 0xF0 && t1 && t2) return {(first & 0x0F) << 12 | (b1 & 0x3F) << 6 | (b2 & 0x3F), 3};
  const uint32_t code = (first & 0x07) << 18 | (b1 & 0x3F) << 12 | (b2 & 0x3F) << 6 | (b3 & 0x3F);
  if (first >= 0xF0 && first < 0xF5 && t1 && t2 && t3 && code < 0x110000) return {code, 4};
  return {0xFFFF, 1};
}

}  // namespace espalier
