#include "core/data/tokenizer/unicode_classes.h"

#include <iterator>
#include <vector>

namespace espalier {
namespace {

constexpr uint32_t kRuns[] = {
#include "core/data/tokenizer/unicode_categories.inc"
};
constexpr uint32_t kEnd = 0x110000;

// In the order of the generated table's numbers: Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc .. Po Sc .. So Zl
// ..
uint8_t bits(uint32_t category) {
  using C = CharClass;
  if (category < 5) return 0;
  if (category == 5) return C::kLetter | C::kLower;
  if (category < 8) return C::kLetter | C::kLower | C::kUpper;
  if (category < 10) return C::kLetter | C::kUpper;
  if (category < 13) return C::kMark | C::kLower | C::kUpper;
  if (category < 16) return C::kNumber;
  return category < 27 ? C::kPunctuation : C::kSpace;
}

std::vector<uint8_t> make_classes() {
  std::vector<uint8_t> classes(kEnd);
  for (size_t i = 0; i < std::size(kRuns); ++i) {
    const uint32_t end = i + 1 < std::size(kRuns) ? kRuns[i + 1] >> 5 : kEnd;
    for (uint32_t code = kRuns[i] >> 5; code < end; ++code) classes[code] = bits(kRuns[i] & 31);
  }
  for (const uint32_t code : {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}) classes[code] |= CharClass::kSpace;
  for (const char c : {'\r', '\n'}) classes[static_cast<size_t>(c)] |= CharClass::kNewline;
  return classes;
}

}  // namespace

const uint8_t* char_classes() {
  static const std::vector<uint8_t> classes = make_classes();
  return classes.data();
}

}  // namespace espalier
