// The endless stream of training samples. Sample i depends on (data, seed, seq_len, the weights in force up to i) and
// on nothing else: not on micro-batch, prefetch, threads or ranks. With several ranks, rank r takes the samples whose
// number is r modulo world_size; every rank follows all draws.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/data/cell.h"
#include "core/data/mixture.h"
#include "core/data/prepare.h"

namespace espalier {

struct RowOrigin {
  int32_t source = 0, tier = 0;  // indices into PreparedData
  friend bool operator==(const RowOrigin&, const RowOrigin&) = default;
};

// Where a stream stands; goes into the checkpoint as JSON.
struct StreamState {
  uint64_t index = 0;           // samples drawn by all ranks together
  std::vector<uint64_t> drawn;  // of each cell
  std::vector<double> credit;   // of each cell, see Mixture
  MixtureWeights weights;
  uint64_t seed = 0;
  int64_t seq_len = 0;
  std::string data;  // fingerprint of the shards and tiers
  friend bool operator==(const StreamState&, const StreamState&) = default;
};
nlohmann::json to_json(const StreamState& state);
// Throws Error(checkpoint) when the JSON is not a stream state.
StreamState stream_state_from_json(const nlohmann::json& json);

struct StreamOptions {
  uint64_t seed = 0;
  int64_t seq_len = 0;
  int64_t rank = 0, world_size = 1;
  int64_t samples_per_step = 0;  // of all ranks; only to name the step in errors, 0: not known
};

class TokenStream {
 public:
  // `data` must outlive the stream and stay in place. Throws Error(data) when a source that must not repeat is shorter
  // than a window.
  TokenStream(const PreparedData& data, const StreamOptions& options);

  // Fills the rows of this rank: `tokens` is [rows, seq_len + 1], `rows` their origins. False when the stream has ended
  // before the ranks' last row: the rest is too short for a batch. Throws Error(data) when a source with the policy
  // `error` is used up.
  bool fill(std::span<int32_t> tokens, std::span<RowOrigin> rows);

  // In force from the next sample on. Throws Error(config), see Mixture.
  void set_weights(const MixtureWeights& weights) { mixture_.set_weights(weights); }

  StreamState state() const;
  // Throws Error(config) when the state belongs to another seed or seq_len, Error(data) when it belongs to other data.
  void restore(const StreamState& state);

  int64_t seq_len() const { return options_.seq_len; }
  // One pass over every window of every cell.
  int64_t tokens_per_epoch() const;
  // Passes over the whole data, by number of tokens, up to a state.
  double epoch(const StreamState& state) const;
  // The requested share of each source among the next samples.
  std::vector<double> source_fractions() const;

 private:
  int32_t draw();
  [[noreturn]] void used_up(size_t cell) const;

  const PreparedData& data_;
  StreamOptions options_;
  std::vector<CellSize> sizes_;
  std::vector<Cell> cells_;
  Mixture mixture_;
  std::vector<uint64_t> drawn_;
  uint64_t index_ = 0;
  std::string fingerprint_;
};

}  // namespace espalier
