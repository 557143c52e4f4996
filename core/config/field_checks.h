// What a value may be, as sentences: shared by the reader of TOML files and the check of plugin parameters.
#pragma once

#include <optional>
#include <string>

#include "core/config/fields.h"

namespace espalier {

struct ChoiceProblem {
  std::string message, hint;
};

// Nothing when the number is finite and inside; else "must be at least 1, got 0".
std::optional<std::string> check_range(double value, const Range& range);
// Nothing when the list of choices is empty or has the text; else what is allowed, and the nearest choice.
std::optional<ChoiceProblem> check_choice(const std::string& text, const Choices& choices);
// "at least 1", "greater than 0 and at most 1", or "" where every finite number will do.
std::string describe_range(const Range& range);

// Takes the scalar into the type, integers also into doubles; false when it is of another type.
bool scalar_as(const ParamScalar& scalar, bool& out);
bool scalar_as(const ParamScalar& scalar, int64_t& out);
bool scalar_as(const ParamScalar& scalar, double& out);
bool scalar_as(const ParamScalar& scalar, std::string& out);
// How to write a value that has the wrong type, where there is a way: quotes around a text, no fraction in an integer.
std::string type_hint(const ParamScalar& scalar, bool wants_text);

}  // namespace espalier
