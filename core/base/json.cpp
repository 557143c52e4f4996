#include "core/base/json.h"

#include <fmt/format.h>

#include <stdexcept>

#include "core/base/checksum.h"

template class nlohmann::basic_json<>;

namespace espalier {
namespace {

using nlohmann::json;

constexpr const char* kSeal = "checksum";

// Bytes that are not UTF-8 cannot come from a file that was parsed.
std::string seal_of(const json& object) {
  return fmt::format("{:016x}", checksum(object.dump(-1, ' ', false, json::error_handler_t::replace)));
}

}  // namespace

std::optional<size_t> too_deep_in_json(std::string_view text, size_t deepest) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest) return i + 1;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

json own_json(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) throw std::logic_error("our own JSON cannot be read: " + std::string(text.substr(0, 80)));
  return parsed;
}

std::optional<json> parse_json_or_nothing(std::string_view text) {
  if (too_deep_in_json(text)) return std::nullopt;
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

std::optional<json> parse_json_object(std::string_view text) {
  auto parsed = parse_json_or_nothing(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return parsed;
}

std::string sealed_json(json object) {
  object.erase(kSeal);
  object[kSeal] = seal_of(object);
  return object.dump(1, ' ', false, json::error_handler_t::replace);
}

std::optional<json> open_sealed_json(std::string_view text) {
  auto object = parse_json_object(text);
  if (!object) return std::nullopt;
  const auto seal = object->find(kSeal);
  if (seal == object->end() || !seal->is_string()) return std::nullopt;
  const std::string expected = seal->get<std::string>();
  object->erase(seal);
  if (seal_of(*object) != expected) return std::nullopt;
  return object;
}

}  // namespace espalier
