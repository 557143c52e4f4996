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
#include "core/data/shards/token_shard.h"
#include "core/data/stream/block_place.h"

namespace espalier {

class ConcatOrder {
 public:
  // `shard` must outlive the order; `documents` are numbers into it, not empty. Not for two threads at once.
  ConcatOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, uint64_t seed);

  uint64_t num_tokens() const { return num_tokens_; }
  uint64_t blocks() const { return blocks_; }  // an epoch
  bool repeats_inside() const { return num_tokens_ < block_tokens_ + 1; }
  // The place of the `width` tokens from token `first` of the `k`-th block of the endless sequence; all of them are
  // text. O(documents) when an epoch is seen for the first time; two epochs are remembered.
  RowPlace locate(uint64_t k, uint64_t first, uint64_t width);
  // The same, with the tokens.
  RowPlace copy(uint64_t k, uint64_t first, std::span<int32_t> out);

  // Many places at a time, of several orders: several times as fast as one by one, because they do not wait for each
  // other's memory. Of one order the requests of a call may touch two epochs at most.
  struct Request {
    ConcatOrder* order;
    uint64_t k, first;
    RowPlace place{};  // the answer
  };
  static constexpr size_t kTogether = 64;
  static void locate(std::span<Request> requests, uint64_t width);  // up to kTogether

 private:
  struct Epoch {
    uint64_t number = ~uint64_t{0};
    Permutation documents{1, 0, "", 0}, blocks{1, 0, "", 0};
    std::vector<uint64_t> starts;     // of each document in the order of the epoch, and the end
    std::vector<uint32_t> directory;  // the document at every 2^directory_shift_ tokens, and the last one
  };
  // A place while it is being found; the steps below in this order, a permutation of `index` after the first and the
  // fourth. Each asks for the memory that the next one reads.
  struct Lookup {
    const Epoch* epoch = nullptr;
    uint64_t index = 0;               // what is permuted: the block, then the document
    uint64_t at = 0;                  // token of the joined documents
    const uint32_t* entry = nullptr;  // of the directory
    uint64_t order = 0;               // of the document in the epoch
  };
  Lookup begin(uint64_t k);
  void choose_token(Lookup& lookup, uint64_t first) const;
  void look_up(Lookup& lookup) const;
  void choose_document(Lookup& lookup) const;
  void expect_document(const Lookup& lookup) const;
  RowPlace finish(const Lookup& lookup, uint64_t width) const;
  Lookup find(uint64_t k, uint64_t first);
  const Epoch& epoch(uint64_t number);

  const TokenShard& shard_;
  std::vector<uint32_t> documents_;
  uint64_t seed_, num_tokens_ = 0, block_tokens_, blocks_;
  int directory_shift_;
  std::array<Epoch, 2> epochs_;
};

}  // namespace espalier
