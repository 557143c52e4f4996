// Where the last part of a text begins.
#pragma once

#include <cstddef>
#include <string_view>

namespace espalier {

// The byte at which the last `fraction` (above 0, below 1) of a text begins: at the first blank line from there on,
// else the first line, else the first word, where there is one within a quarter of that part; else the next character.
// 0 when the text is too short to give a part and keep one.
size_t tail_begin(std::string_view text, double fraction);

}  // namespace espalier
