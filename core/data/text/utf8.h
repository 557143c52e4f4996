// Repair of text that is not UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace espalier {

// The text with each longest run of bytes that begins like a character and then breaks off replaced by one U+FFFD: what
// Python's bytes.decode("utf-8", errors="replace") gives (The Unicode Standard, section 3.9, "U+FFFD Substitution of
// Maximal Subparts").
// `mark` may be another replacement.
std::string replace_invalid_utf8(std::string_view text, std::string_view mark = "\xEF\xBF\xBD");

}  // namespace espalier
