// Some text fields of one JSON object, without building the rest of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

struct JsonField {
  std::string name;
  std::string value;      // of the last key of that name, when it is a string
  const char* type = "";  // "string", "number", ...; empty: the object has no such key
};

struct JsonProblem {
  size_t byte = 0;  // from 1; where the text stops being JSON
  bool not_an_object = false;
  bool lone_surrogate = false;  // the only fault found: an escape of half a surrogate pair
};

// Fills value and type of each field from the top level of the object. `keys`, where given, gets the names of all keys.
std::optional<JsonProblem> read_json_fields(std::string_view line, std::vector<JsonField*> fields,
                                            std::vector<std::string>* keys = nullptr);

// The text with each escape of half a surrogate pair, such as \ud800, replaced by `mark`.
std::string replace_lone_surrogates(std::string_view json, std::string_view mark = "\\ufffd");

}  // namespace espalier
