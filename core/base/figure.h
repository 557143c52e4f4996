// A measured number as text, or a dash where there is none: a figure that means nothing is not printed.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace espalier {

// figure("{:.2f}%", share); NaN and infinities stand for "not known".
inline std::string figure(fmt::format_string<double> format, double value) {
  return std::isfinite(value) ? fmt::vformat(fmt::string_view(format), fmt::make_format_args(value)) : "-";
}

}  // namespace espalier
