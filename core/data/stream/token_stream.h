// The endless stream of training samples. Sample i depends on (data, seed, seq_len, block_tokens, packing, the weights
// in force up to i) and on nothing else: not on micro-batch, prefetch, threads or ranks. With several ranks, rank r
// takes the samples whose number is r modulo world_size; every rank follows all draws.
//
// The unit that is mixed and shuffled is the block of block_tokens tokens; it is handed out as block_tokens / seq_len
// samples in a row. So streams of different seq_len and the same block_tokens give the same tokens in the same order.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/data/prepare/prepare.h"
#include "core/data/stream/mixture.h"
#include "core/data/stream/source_tier_cell.h"

namespace espalier {

// Where a row comes from. With concat packing the document and offset are those of its first token, with best-fit
// those of its first target.
struct RowOrigin {
  int32_t source = 0, tier = 0;  // indices into PreparedData
  uint32_t document = 0;         // of the source's training documents
  uint64_t offset = 0;           // in tokens of that document
  uint64_t tokens = 0;           // of the row's seq_len + 1 that are text; the rest is padding
  friend bool operator==(const RowOrigin&, const RowOrigin&) = default;
};

// Where a stream stands; goes into the checkpoint as JSON.
struct StreamState {
  uint64_t index = 0;           // samples handed out, of all ranks together
  std::vector<uint64_t> drawn;  // blocks of each cell
  std::vector<double> credit;   // of each cell, see Mixture
  MixtureWeights weights;
  uint64_t seed = 0;
  int64_t seq_len = 0;
  std::string data;          // fingerprint of the shards and tiers
  int64_t block_tokens = 0;  // 0, in older states: seq_len
  Packing packing = Packing::concat;
  int32_t open_cell = -1;  // whose block is being handed out; -1: none
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
  int64_t block_tokens = 0;      // a multiple of seq_len; 0: seq_len
  Packing packing = Packing::concat;
};

class TokenStream {
 public:
  // `data` must outlive the stream and stay in place. Throws Error(config) when block_tokens is no multiple of seq_len,
  // Error(data) when a source that must not repeat is shorter than a block.
  TokenStream(const PreparedData& data, const StreamOptions& options);

  // Fills the rows of this rank: `tokens` is [rows, seq_len + 1], `rows` their origins. False when the stream has ended
  // before the ranks' last row: the rest is too short for a batch. Throws Error(data) when a source with the policy
  // `error` is used up.
  bool fill(std::span<int32_t> tokens, std::span<RowOrigin> rows);
  // The same without the tokens.
  bool locate(std::span<RowOrigin> rows);

  // In force from the next block on. Throws Error(config), see Mixture.
  void set_weights(const MixtureWeights& weights) { mixture_.set_weights(weights); }

  StreamState state() const;
  // O(cells), wherever the state stands. Another seq_len is fine when block_tokens is the same. Throws Error(config)
  // when the state belongs to another seed, block_tokens or packing, or stands inside a row of the new seq_len;
  // Error(data) when it belongs to other data.
  void restore(const StreamState& state);

  int64_t seq_len() const { return options_.seq_len; }
  // One pass over every block of every cell, padding included.
  int64_t tokens_per_epoch() const;
  // Passes over the whole data, by number of tokens, up to a state.
  double epoch(const StreamState& state) const;
  // The requested share of each source among the text of the next samples.
  std::vector<double> source_fractions() const;

  struct Packed {
    uint64_t documents = 0, cut = 0;  // training documents, those of them longer than a block
    double fill = 1;                  // share of targets that is text
  };
  // What best-fit packing made of the data.
  Packed packed() const;

 private:
  struct Row {
    size_t cell;
    uint64_t block, first;  // of the cell's endless sequence; token of the block
  };
  bool next_row(Row& row);
  bool locate_together(std::span<RowOrigin> rows);
  // Calls take(row number, Row) for the rows of this rank.
  template <class Take>
  bool take_rows(size_t count, Take take);
  RowOrigin origin_of(size_t cell, const RowPlace& place) const;
  int32_t draw();
  void check_same_run(const StreamState& state) const;
  [[noreturn]] void used_up(size_t cell) const;

  const PreparedData& data_;
  StreamOptions options_;
  std::vector<CellSize> sizes_;  // filled with the cells
  std::vector<Cell> cells_;
  Mixture mixture_;
  std::vector<uint64_t> drawn_;
  uint64_t index_ = 0, rows_per_block_;
  int32_t open_cell_ = -1;
  std::vector<ConcatOrder::Request> requests_;        // scratch of locate()
  std::vector<std::pair<size_t, size_t>> asked_for_;  // row and cell of each
  std::string fingerprint_;
};

}  // namespace espalier
