// How deep the tables and lists of a TOML text lie inside each other, found before it is parsed: dotted keys make one
// table a part, and parsing, copying and freeing them take a stack frame a level. Internal to config.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace espalier {

// Parts of a key, tables and lists, counted together.
inline constexpr size_t kDeepestToml = 64;

struct TomlPosition {
  size_t line = 1, column = 1;
};

// Where the text goes deeper than that, or nothing. Follows strings, comments and brackets as far as the text is TOML;
// what comes after a syntax error does not matter, for the parser stops there.
std::optional<TomlPosition> too_deep_in_toml(std::string_view text);

}  // namespace espalier
