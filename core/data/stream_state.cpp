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
          {"data", state.data}};
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
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::checkpoint, std::string("the data position cannot be read: ") + error.what());
  }
  return state;
}

}  // namespace espalier
