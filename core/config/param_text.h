// Parameter values and numbers as TOML text, both ways.
#pragma once

#include <string>
#include <string_view>

#include "core/config/param_value.h"

namespace espalier {

// The shortest text that reads back to the same double: "0.1", "3", "1e9", "1.5e-5", "inf", "nan".
std::string shortest_number(double value);

// TOML literals. A float stays a float ("1.0"), text is quoted and escaped, a list is written on one line.
std::string toml_float(double value);
std::string toml_text(std::string_view text);
std::string toml_literal(const ParamScalar& scalar);
std::string toml_literal(const ParamValue& value);
// A key as it stands left of '=': bare where TOML allows it, else quoted.
std::string toml_key(std::string_view key);

// Reads one literal: a bool, number, text, or a list of these. Throws Error(config) with `place` for anything else.
ParamValue parse_param(std::string_view literal, const std::string& place);

// "true", "an integer", "a list of texts": what a value is, for messages.
std::string describe_type(const ParamValue& value);

}  // namespace espalier
