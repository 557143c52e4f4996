// The documents of one cell (source, tier) as an endless sequence of windows of seq_len + 1 tokens.
//
// Epoch e: the documents in the order of a pseudo-random permutation, joined (each ends with its end-of-text token),
// cut into windows that overlap by one token, so that a window gives seq_len inputs and seq_len targets; the windows in
// the order of a second permutation. The rest at the end, shorter than a window, is left out; the next epoch has
// another order, so it is another rest. Everything follows from (seed, name, e). A cell shorter than one window repeats
// itself inside it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/data/token_shard.h"

namespace espalier {

class Cell {
 public:
  // `shard` must outlive the cell; `documents` are numbers into it, in order, not empty. Not for use by two threads at
  // once.
  Cell(const TokenShard& shard, std::vector<uint32_t> documents, int64_t seq_len, uint64_t seed,
       const std::string& name);

  uint64_t num_tokens() const { return num_tokens_; }
  uint64_t windows_per_epoch() const { return windows_; }
  bool shorter_than_a_window() const { return num_tokens_ < window_tokens_; }
  // Window `k` of the endless sequence; epoch k / windows_per_epoch(). `out` has seq_len + 1 entries. O(log documents),
  // plus O(documents) when an epoch is seen for the first time; two epochs are remembered.
  void window(uint64_t k, std::span<int32_t> out);

 private:
  struct Epoch {
    uint64_t number = ~uint64_t{0};
    std::vector<uint64_t> starts;  // of each document in the order of the epoch, and the end
  };
  const Epoch& epoch(uint64_t number);

  const TokenShard& shard_;
  std::vector<uint32_t> documents_;
  uint64_t seed_, num_tokens_ = 0, window_tokens_, windows_;
  std::array<Epoch, 2> epochs_;
};

}  // namespace espalier
