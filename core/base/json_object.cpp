#include "core/base/json_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/base/text.h"

namespace espalier {

using nlohmann::json;

namespace {

// The end of the string that begins at `at`, behind its closing quote.
size_t string_end(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

template <class Replace>
std::string replace_non_finite(std::string_view text, Replace&& replace) {
  constexpr std::string_view kTokenBytes = "0123456789+-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string out;
  out.reserve(text.size() + 16);
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      const size_t end = string_end(text, at);
      out.append(text, at, end - at);
      at = end;
      continue;
    }
    const size_t end = std::min(text.find_first_not_of(kTokenBytes, at), text.size());
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::string token(text.substr(at, end - at));
    const bool named = token == "NaN" || token == "Infinity" || token == "-Infinity";
    const bool numeric = token.find_first_not_of("0123456789+-.eE") == std::string::npos;
    const bool replaced = named || (numeric && std::isinf(std::strtod(token.c_str(), nullptr)));
    out += replaced ? replace(token) : token;
    at = end;
  }
  return out;
}

struct Repeated {
  std::string key;
};

json parse_strict(std::string_view text, JsonKeys keys) {
  if (keys == JsonKeys::any) return json::parse(text.begin(), text.end());
  std::vector<std::set<std::string>> seen;
  return json::parse(text.begin(), text.end(), [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) seen.emplace_back();
    if (event == json::parse_event_t::object_end) seen.pop_back();
    if (event == json::parse_event_t::key && !seen.back().insert(value.get<std::string>()).second)
      throw Repeated{value.get<std::string>()};
    return true;
  });
}

}  // namespace

json parse_json(std::string_view text, ErrorCode code, const std::string& place, const std::string& hint,
                JsonKeys keys) {
  if (too_deep_in_json(text, kMaxJsonDepth))
    throw Error(code, fmt::format("is not JSON that is read: it nests deeper than {} levels", kMaxJsonDepth), place,
                hint);
  std::string problem;
  try {
    return parse_strict(text, keys);
  } catch (const Repeated& repeated) {
    throw Error(code, fmt::format("the key '{}' stands there twice", valid_utf8(repeated.key)), place, hint);
  } catch (const json::parse_error& error) {
    problem = fmt::format("is not valid JSON from byte {} of {}", error.byte, text.size());
  } catch (const json::exception&) {
    problem = "is not valid JSON: a number is too large";
  }
  try {
    return parse_strict(quote_non_finite(text), keys);
  } catch (const Repeated& repeated) {
    throw Error(code, fmt::format("the key '{}' stands there twice", valid_utf8(repeated.key)), place, hint);
  } catch (const json::exception&) {
    throw Error(code, problem, place, hint);
  }
}

std::string quote_non_finite(std::string_view text) {
  return replace_non_finite(text, [](const std::string& token) { return '"' + token + '"'; });
}
std::string zero_non_finite(std::string_view text) {
  return replace_non_finite(text, [](const std::string&) { return "0"; });
}

std::string escape_invalid_utf8(std::string_view text) {
  std::string out;
  for (size_t bad = find_invalid_utf8(text); bad != std::string_view::npos; bad = find_invalid_utf8(text)) {
    out.append(text.substr(0, bad)).append(fmt::format("\\x{:02X}", static_cast<unsigned char>(text[bad])));
    text.remove_prefix(bad + 1);
  }
  return out.append(text);
}

std::string dump_json(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string brief_json(const json& value) {
  constexpr size_t kMost = 80;
  std::string text = dump_json(value);
  if (text.size() > kMost) text = valid_utf8(text.substr(0, kMost)) + "...";
  return text;
}

JsonObject::JsonObject(const json& value, ErrorCode code, std::string place, std::string name)
    : value_(&value), code_(code), place_(std::move(place)), name_(std::move(name)) {
  if (!value.is_object())
    throw Error(code_, (name_.empty() ? "" : name_ + " ") + "is not a JSON object but " + brief_json(value), place_);
}

void JsonObject::fail(const std::string& message, const std::string& hint) const {
  throw Error(code_, (name_.empty() ? "" : name_ + ": ") + message, place_, hint);
}

void JsonObject::wrong(const char* key, const char* wanted) const {
  fail(fmt::format("'{}' must be {}, not {}", key, wanted, brief_json(value_->at(key))));
}

bool JsonObject::has(const char* key) const {
  const auto it = value_->find(key);
  return it != value_->end() && !it->is_null();
}

const json& JsonObject::at(const char* key) const {
  if (!has(key)) fail(fmt::format("lacks '{}'", key));
  return *value_->find(key);
}

int64_t JsonObject::integer(const char* key) const {
  const json& value = at(key);
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
  if (!fits) wrong(key, "an integer");
  return value.get<int64_t>();
}
double JsonObject::number(const char* key) const {
  const json& value = at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) wrong(key, "a number");
  return value.get<double>();
}
bool JsonObject::flag(const char* key) const {
  if (!at(key).is_boolean()) wrong(key, "true or false");
  return at(key).get<bool>();
}
std::string JsonObject::text(const char* key) const {
  if (!at(key).is_string()) wrong(key, "a text");
  return at(key).get<std::string>();
}
JsonObject JsonObject::object(const char* key) const {
  if (!at(key).is_object()) wrong(key, "an object");
  return {at(key), code_, place_, name_.empty() ? key : name_ + ": " + key};
}
const json& JsonObject::array(const char* key) const {
  if (!at(key).is_array()) wrong(key, "a list");
  return at(key);
}

int64_t JsonObject::integer(const char* key, int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}
double JsonObject::number(const char* key, double fallback) const {
  return has(key) ? number(key) : fallback;
}
bool JsonObject::flag(const char* key, bool fallback) const {
  return has(key) ? flag(key) : fallback;
}
std::string JsonObject::text(const char* key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

}  // namespace espalier
