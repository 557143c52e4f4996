// JSON from files, which may hold anything: no exception of the library, no recursion that the text chooses. And sealed
// JSON, the form of our own cache files: an object that carries a hash of its other members.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace espalier {

// Objects and lists inside each other; a deeper text is refused. Copying and printing a value take a stack frame a
// level.
inline constexpr size_t kMaxJsonDepth = 128;

// Position (from 1) of the bracket that goes deeper than `deepest`, or nothing. Looks at brackets and strings only.
std::optional<size_t> too_deep_in_json(std::string_view text, size_t deepest = kMaxJsonDepth);

// What this program has written itself in this process; anything else is a fault of ours (std::logic_error).
nlohmann::json own_json(std::string_view text);
// Nothing when the text is not JSON or too deep.
std::optional<nlohmann::json> parse_json_or_nothing(std::string_view text);
// Nothing when the text is not a JSON object, too.
std::optional<nlohmann::json> parse_json_object(std::string_view text);

// `object` with a member "checksum" over the others, as text with a space of indentation.
std::string sealed_json(nlohmann::json object);
// The object without its seal; nothing when the text is not such an object, has no seal or another one.
std::optional<nlohmann::json> open_sealed_json(std::string_view text);

}  // namespace espalier

// Compiled once, in json.cpp: the parser and the printer are the costliest code of the files that use them.
extern template class nlohmann::basic_json<>;
