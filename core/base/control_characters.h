// Characters that a terminal obeys instead of showing them, in texts that others wrote.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace espalier {

// Bytes of the control character that begins the text; 0 where none does. The C0 and C1 sets, DEL, line and paragraph
// separators, and the marks that turn the direction of the text.
size_t control_at(std::string_view text);
// The text with each of them, line breaks and tabs too, as '?', and bytes that are not UTF-8 as U+FFFD: it can neither
// command a terminal nor begin a line of its own. What is longer than `most` bytes is cut, with "..." for the rest.
std::string one_line(std::string_view text, size_t most = std::string::npos);

}  // namespace espalier
