// Documents joined and cut into blocks of block_tokens + 1 tokens that overlap by one token, so that a block gives
// block_tokens inputs and block_tokens targets.
//
// Epoch e: the documents in the order of a pseudo-random permutation, joined (each ends with its end-of-text token) and
// cut; the blocks in the order of a second permutation. The rest at the end, shorter than a block, is left out; the
// next epoch has another order, so it is another rest. Everything follows from (seed, e). Documents shorter than one
// block together are repeated inside it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "core/data/block_place.h"
#include "core/data/token_shard.h"

namespace espalier {

class ConcatOrder {
 public:
  // `shard` must outlive the order; `documents` are numbers into it, not empty. Not for two threads at once.
  ConcatOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, uint64_t seed);

  uint64_t num_tokens() const { return num_tokens_; }
  uint64_t blocks() const { return blocks_; }  // an epoch
  bool repeats_inside() const { return num_tokens_ < block_tokens_ + 1; }
  // The place of token `first` of the `k`-th block of the endless sequence, and all of `width` tokens as text.
  // O(1) on average, O(documents) when an epoch is seen for the first time; two epochs are remembered.
  RowPlace locate(uint64_t k, uint64_t first, uint64_t width);
  // The same, with the tokens.
  RowPlace copy(uint64_t k, uint64_t first, std::span<int32_t> out);

 private:
  struct Epoch {
    uint64_t number = ~uint64_t{0};
    Permutation documents{1, 0, "", 0}, blocks{1, 0, "", 0};
    std::vector<uint64_t> starts;  // of each document in the order of the epoch, and the end
  };
  struct Position {
    const Epoch* epoch;
    uint64_t at;     // token of the joined documents
    uint64_t order;  // of its document in the epoch
  };
  const Epoch& epoch(uint64_t number);
  Position find(uint64_t k, uint64_t first);
  RowPlace place_of(const Position& position, uint64_t width) const;

  const TokenShard& shard_;
  std::vector<uint32_t> documents_;
  uint64_t seed_, num_tokens_ = 0, block_tokens_, blocks_;
  std::array<Epoch, 2> epochs_;
};

}  // namespace espalier
