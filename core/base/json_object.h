// JSON that others wrote: parsed within bounds, read by key, with an Error that names the place, the key and the value.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace espalier {

// Whether a name may stand twice in an object (the last one counts, as in Python), or makes the text invalid.
enum class JsonKeys { any, unique };

// NaN, Infinity and numbers beyond a double, which Python writes and reads, become texts ("NaN", "1e999"): a field that
// nobody reads does no harm, and one that is read is named as no number. Throws Error(code) with the byte at fault.
nlohmann::json parse_json(std::string_view text, ErrorCode code, const std::string& place, const std::string& hint = {},
                          JsonKeys keys = JsonKeys::any);
// The text with such numbers in quotes, or as 0 where only their type matters.
std::string quote_non_finite(std::string_view json);
std::string zero_non_finite(std::string_view json);
// As json::dump, with bytes that are not UTF-8 as U+FFFD instead of an exception. indent < 0: one line.
std::string dump_json(const nlohmann::json& value, int indent = -1);
// The text with each byte that is not UTF-8 as \xE9, so that different texts stay different: file names as keys.
std::string escape_invalid_utf8(std::string_view text);
// A value as it may stand in a message: at most some 80 bytes.
std::string brief_json(const nlohmann::json& value);

// An object that is read by key. Null counts as absent. Refers to the json and must not outlive it.
class JsonObject {
 public:
  // name: of the object in messages ("config.json"); may be empty. Throws Error(code) when it is no object.
  JsonObject(const nlohmann::json& value, ErrorCode code, std::string place, std::string name = {});

  bool has(const char* key) const;
  // Each throws Error(code) for a key that is absent (without a fallback), and for a value of another type: integers
  // must be written as such and fit, numbers must be finite.
  int64_t integer(const char* key) const;
  int64_t integer(const char* key, int64_t fallback) const;
  double number(const char* key) const;
  double number(const char* key, double fallback) const;
  bool flag(const char* key) const;
  bool flag(const char* key, bool fallback) const;
  std::string text(const char* key) const;
  std::string text(const char* key, const std::string& fallback) const;
  JsonObject object(const char* key) const;
  const nlohmann::json& at(const char* key) const;
  const nlohmann::json& array(const char* key) const;

  const nlohmann::json& value() const { return *value_; }
  const std::string& place() const { return place_; }
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;

 private:
  [[noreturn]] void wrong(const char* key, const char* wanted) const;

  const nlohmann::json* value_;
  ErrorCode code_;
  std::string place_, name_;
};

}  // namespace espalier
