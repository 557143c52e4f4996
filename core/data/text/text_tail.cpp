#include "core/data/text/text_tail.h"

#include <algorithm>
#include <cmath>

namespace espalier {

size_t tail_begin(std::string_view text, double fraction) {
  const auto size = static_cast<double>(text.size());
  const auto part = static_cast<size_t>(std::clamp(std::round(size * fraction), 1.0, std::max(size, 1.0)));
  if (part >= text.size()) return 0;
  const size_t from = text.size() - part, reach = from + std::max<size_t>(part / 4, 1);
  for (const std::string_view cut : {"\n\n", "\n\r\n", "\n", " "}) {
    // A cut that ends exactly at `from` counts.
    const size_t found = text.find(cut, from < cut.size() ? 0 : from - cut.size());
    if (found == std::string_view::npos) continue;
    const size_t begin = found + cut.size();
    if (begin >= from && begin <= reach && begin < text.size()) return begin;
  }
  size_t begin = from;
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
  return begin < text.size() ? begin : 0;
}

}  // namespace espalier
