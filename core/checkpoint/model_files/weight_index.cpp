#include "core/checkpoint/model_files/weight_index.h"

#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"

namespace espalier {

bool stays_inside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
  for (const std::string& part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

std::map<std::string, std::string> read_weight_index(std::string_view text, const std::string& place) {
  const nlohmann::json root = parse_json(text, ErrorCode::checkpoint, place, {}, JsonKeys::unique);
  const JsonObject index(root, ErrorCode::checkpoint, place);
  const JsonObject weight_map = index.object("weight_map");
  std::map<std::string, std::string> out;
  for (const auto& [tensor, file] : weight_map.value().items()) {
    if (!file.is_string() || !stays_inside(file.get<std::string>()))
      weight_map.fail(
          fmt::format("'{}' lies in {}, which is no file of this folder", valid_utf8(tensor), brief_json(file)));
    out[tensor] = file.get<std::string>();
  }
  if (out.empty()) weight_map.fail("lists no tensors");
  return out;
}

}  // namespace espalier
