#include "core/config/field_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/config/param_text.h"

namespace espalier {

std::string describe_range(const Range& range) {
  std::string low, high;
  if (std::isfinite(range.min))
    low = fmt::format("{} {}", range.min_open ? "greater than" : "at least", shortest_number(range.min));
  if (std::isfinite(range.max)) high = fmt::format("at most {}", shortest_number(range.max));
  if (!low.empty() && !high.empty() && !range.min_open)
    return fmt::format("between {} and {}", shortest_number(range.min), shortest_number(range.max));
  return low + (low.empty() || high.empty() ? "" : " and ") + high;
}

std::optional<std::string> check_range(double value, const Range& range) {
  if (!std::isfinite(value)) return fmt::format("must be a finite number, got {}", shortest_number(value));
  const bool above = range.min_open ? value > range.min : value >= range.min;
  if (above && value <= range.max) return std::nullopt;
  return fmt::format("must be {}, got {}", describe_range(range), shortest_number(value));
}

std::optional<ChoiceProblem> check_choice(const std::string& text, const Choices& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) return std::nullopt;
  std::string allowed;
  for (const std::string& choice : choices) allowed += (allowed.empty() ? "" : ", ") + toml_text(choice);
  return ChoiceProblem{fmt::format("\"{}\" is not one of {}", text, allowed), did_you_mean(text, choices)};
}

bool scalar_as(const ParamScalar& scalar, bool& out) {
  if (const auto* flag = std::get_if<bool>(&scalar)) return out = *flag, true;
  return false;
}

bool scalar_as(const ParamScalar& scalar, int64_t& out) {
  if (const auto* integer = std::get_if<int64_t>(&scalar)) return out = *integer, true;
  return false;
}

bool scalar_as(const ParamScalar& scalar, double& out) {
  if (const auto* number = std::get_if<double>(&scalar)) return out = *number, true;
  if (const auto* integer = std::get_if<int64_t>(&scalar)) return out = static_cast<double>(*integer), true;
  return false;
}

bool scalar_as(const ParamScalar& scalar, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&scalar)) return out = *text, true;
  return false;
}

std::string type_hint(const ParamScalar& scalar, bool wants_text) {
  if (wants_text) return fmt::format("put it in quotes: \"{}\"", toml_literal(scalar));
  if (const auto* number = std::get_if<double>(&scalar);
      number != nullptr && *number == std::floor(*number) && std::abs(*number) < 1e15)
    return fmt::format("write {}, without a fraction or an exponent", static_cast<int64_t>(*number));
  if (std::holds_alternative<std::string>(scalar) && std::get<std::string>(scalar).size() < 20) return "without quotes";
  return "";
}

}  // namespace espalier
