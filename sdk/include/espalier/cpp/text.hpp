// Text at the edge of the ABI: esp_str <-> std::string_view, and messages built from parts.
#pragma once

#include <espalier/abi.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
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

/// One part of a message as text; numbers in their shortest form that reads back as the same number.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}
  template <class Part>
  explicit Piece(const Part& part) {
    if constexpr (std::is_same_v<Part, bool>) {
      text_ = part ? "1" : "0";
    } else if constexpr (std::is_arithmetic_v<Part>) {
      text_ = number(part);
    } else {
      text_ = part;
    }
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  std::string_view text() const { return text_; }

 private:
  template <class Number>
  std::string_view number(Number value) {
    if constexpr (std::is_floating_point_v<Number>) {  // std::to_chars has none before g++ 11
      int size = 0;
      for (int precision = 6; precision <= 17; ++precision) {
        size = std::snprintf(digits_, sizeof digits_, "%.*g", precision, static_cast<double>(value));
        if (static_cast<Number>(std::strtod(digits_, nullptr)) == value) break;
      }
      return {digits_, static_cast<std::size_t>(size)};
    } else {
      const auto end = std::to_chars(digits_, digits_ + sizeof digits_, value).ptr;
      return {digits_, static_cast<std::size_t>(end - digits_)};
    }
  }

  char digits_[32] = {};
  std::string_view text_;
};

inline std::string join(std::initializer_list<Piece> pieces) {
  std::string out;
  for (const Piece& piece : pieces) out.append(piece.text());
  return out;
}

}  // namespace detail

/// One string from text and numbers: cat("stage ", 2, " of ", 4).
template <class... Parts>
std::string cat(const Parts&... parts) {
  return detail::join({detail::Piece(parts)...});
}

}  // namespace espalier::sdk
