#include "core/base/control_characters.h"

#include <algorithm>

#include "core/base/text.h"

namespace espalier {

size_t control_at(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if (text.empty()) return 0;
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;                     // U+0080 to U+009F
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;  // U+2028 to U+202E
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) return 3;  // U+2066 to U+2069
  return 0;
}

std::string one_line(std::string_view text, size_t most) {
  const bool cut = text.size() > most;
  if (cut) {
    // Not within a character: its further bytes are 10xxxxxx, three at most.
    size_t end = most;
    for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++i) --end;
    text = text.substr(0, end);
  }
  const std::string valid = valid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (size_t i = 0; i < valid.size();) {
    const size_t size = control_at(std::string_view(valid).substr(i));
    out += size > 0 ? '?' : valid[i];
    i += std::max<size_t>(size, 1);
  }
  return cut ? out + "..." : out;
}

}  // namespace espalier
