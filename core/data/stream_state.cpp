#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/data/token_stream.h"

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

StreamState stream_state_from_json(const nlohmann::json& json) {
  StreamState state;
  try {
    json.at("index").get_to(state.index);
    json.at("drawn").get_to(state.drawn);
    json.at("credit").get_to(state.credit);
    json.at("source_weights").get_to(state.weights.sources);
    json.at("tier_weights").get_to(state.weights.tiers);
    json.at("seed").get_to(state.seed);
    json.at("seq_len").get_to(state.seq_len);
    json.at("data").get_to(state.data);
    // Not in states written before blocks could be longer than a sample.
    state.block_tokens = json.value("block_tokens", int64_t{0});
    state.packing = parse_packing(json.value("packing", std::string(name_of(Packing::concat))), "data.packing");
    state.open_cell = json.value("open_cell", int32_t{-1});
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::checkpoint, std::string("the data position cannot be read: ") + error.what());
  }
  if (state.seq_len <= 0 || state.block_tokens < 0 || state.block_tokens % state.seq_len != 0)
    throw Error(ErrorCode::checkpoint, "the data position has lengths that are not possible");
  return state;
}

}  // namespace espalier
