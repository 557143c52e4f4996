// UTF-8 one code point at a time, over bytes that may be damaged.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace espalier::sdk {

/// What code_point_at() gives for a byte that is no part of valid UTF-8.
inline constexpr char32_t kInvalidCodePoint = 0xFFFFFFFF;

/// One step through a text.
struct CodePoint {
  char32_t value;    ///< or kInvalidCodePoint
  std::size_t size;  ///< bytes it takes: 1 to 4; 1 where invalid
};

/// The code point that begins at byte `at`. Overlong forms, surrogates, values above U+10FFFF and cut sequences are
/// invalid (Unicode 15, table 3-7). REQUIRES: at < text.size().
inline CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto trail = [&](std::size_t i) { return i < left && (byte(i) & 0xC0) == 0x80; };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first <= 0xDF && trail(1)) return {(first & 0x1F) << 6 | (byte(1) & 0x3Fu), 2};
  if ((first & 0xF0) == 0xE0 && trail(1) && trail(2)) {
    const char32_t value = (first & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    if (value >= 0x800 && (value < 0xD800 || value > 0xDFFF)) return {value, 3};
  }
  if (first >= 0xF0 && first <= 0xF4 && trail(1) && trail(2) && trail(3)) {
    const char32_t value = (first & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    if (value >= 0x10000 && value <= 0x10FFFF) return {value, 4};
  }
  return {kInvalidCodePoint, 1};
}

/// Calls emit(byte) for each byte of `value` in UTF-8. REQUIRES: a valid code point.
template <class Emit>
void encode_utf8(char32_t value, Emit&& emit) {
  const auto byte = [](char32_t bits) { return static_cast<unsigned char>(bits); };
  if (value < 0x80) return emit(byte(value));
  if (value < 0x800) {
    emit(byte(0xC0 | value >> 6));
  } else if (value < 0x10000) {
    emit(byte(0xE0 | value >> 12));
    emit(byte(0x80 | (value >> 6 & 0x3F)));
  } else {
    emit(byte(0xF0 | value >> 18));
    emit(byte(0x80 | (value >> 12 & 0x3F)));
    emit(byte(0x80 | (value >> 6 & 0x3F)));
  }
  emit(byte(0x80 | (value & 0x3F)));
}

}  // namespace espalier::sdk
