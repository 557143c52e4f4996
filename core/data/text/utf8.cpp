#include "core/data/text/utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace espalier {
namespace {

struct Lead {
  size_t following;         // continuation bytes
  uint8_t lowest, highest;  // of the first of them; the others are 0x80 to 0xBF
};

// The Unicode Standard, table 3-7 (well-formed UTF-8 byte sequences); `following` 0: no character begins so.
Lead lead_of(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::string replace_invalid_utf8(std::string_view text, std::string_view mark) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x80) {
      out += text[at++];
      continue;
    }
    const Lead lead = lead_of(byte);
    size_t length = 1;
    while (length <= lead.following && at + length < text.size()) {
      const auto next = static_cast<uint8_t>(text[at + length]);
      const uint8_t lowest = length == 1 ? lead.lowest : 0x80, highest = length == 1 ? lead.highest : 0xBF;
      if (next < lowest || next > highest) break;
      ++length;
    }
    if (lead.following > 0 && length == lead.following + 1) {
      out.append(text, at, length);
    } else {
      out += mark;
    }
    at += length;
  }
  return out;
}

}  // namespace espalier
