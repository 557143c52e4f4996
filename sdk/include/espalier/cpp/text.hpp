// Text at the edge of the ABI: esp_str <-> std::string_view, and messages built from parts.
#pragma once

#include <espalier/abi.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace espalier::sdk {

/// The same bytes as a view. Valid as long as the esp_str's owner keeps them.
inline std::string_view view(esp_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, static_cast<std::size_t>(text.size));
}

/// The same bytes as an esp_str. `text` must outlive the call it is handed to.
inline esp_str str(std::string_view text) {
  return esp_str{text.data(), text.size()};
}

namespace detail {
template <class Part>
std::string to_text(const Part& part) {
  if constexpr (std::is_arithmetic_v<Part>) {
    return std::to_string(part);
  } else {
    return std::string(part);
  }
}
}  // namespace detail

/// One string from text and numbers: cat("stage ", 2, " of ", 4).
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (out.append(detail::to_text(parts)), ...);
  return out;
}

}  // namespace espalier::sdk
