#include <utility>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/data/stream/config.h"
#include "core/data/stream/token_stream.h"

namespace espalier {

nlohmann::json to_json(const StreamState& state) {
  return {{"index", state.index},
          {"drawn", state.drawn},
          {"credit", state.credit},
          {"source_weights", state.weights.sources},
          {"tier_weights", state.weights.tiers},
          {"seed", state.seed},
          {"seq_len", state.seq_len},
          {"data", state.data},
          {"block_tokens", state.block_tokens},
          {"packing", name_of(state.packing)},
          {"open_cell", state.open_cell}};
}

namespace {

[[noreturn]] void unreadable(const std::string& why) {
  throw Error(ErrorCode::checkpoint, "the data position cannot be read: " + why);
}

const nlohmann::json& member(const nlohmann::json& state, const char* key) {
  if (!state.is_object()) unreadable("it is not a JSON object");
  const auto found = state.find(key);
  if (found == state.end()) unreadable(std::string(key) + " is missing");
  return *found;
}

// The library would take -1 for a huge number and 1e300 for any.
template <class T>
T whole_number(const nlohmann::json& value, const char* key) {
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<uint64_t>())
                                               : value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
  if (!fits) unreadable(std::string(key) + " is not such a whole number");
  return value.get<T>();
}

template <class T>
std::vector<T> numbers(const nlohmann::json& list, const char* key) {
  if (!list.is_array()) unreadable(std::string(key) + " is not a list");
  std::vector<T> out;
  for (const auto& item : list) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!item.is_number()) unreadable(std::string(key) + " holds something else than numbers");
      out.push_back(item.get<T>());
    } else {
      out.push_back(whole_number<T>(item, key));
    }
  }
  return out;
}

std::string text(const nlohmann::json& value, const char* key) {
  if (!value.is_string()) unreadable(std::string(key) + " is not a text");
  return value.get<std::string>();
}

}  // namespace

StreamState stream_state_from_json(const nlohmann::json& json) {
  StreamState state;
  state.index = whole_number<uint64_t>(member(json, "index"), "index");
  state.drawn = numbers<uint64_t>(member(json, "drawn"), "drawn");
  state.credit = numbers<double>(member(json, "credit"), "credit");
  state.weights.sources = numbers<double>(member(json, "source_weights"), "source_weights");
  state.weights.tiers = numbers<double>(member(json, "tier_weights"), "tier_weights");
  state.seed = whole_number<uint64_t>(member(json, "seed"), "seed");
  state.seq_len = whole_number<int64_t>(member(json, "seq_len"), "seq_len");
  state.data = text(member(json, "data"), "data");
  // Not in states written before blocks could be longer than a sample.
  if (json.contains("block_tokens")) state.block_tokens = whole_number<int64_t>(json["block_tokens"], "block_tokens");
  if (json.contains("packing")) state.packing = parse_packing(text(json["packing"], "packing"), "data.packing");
  if (json.contains("open_cell")) state.open_cell = whole_number<int32_t>(json["open_cell"], "open_cell");
  if (state.seq_len <= 0 || state.block_tokens < 0 || state.block_tokens % state.seq_len != 0)
    throw Error(ErrorCode::checkpoint, "the data position has lengths that are not possible");
  return state;
}

}  // namespace espalier
