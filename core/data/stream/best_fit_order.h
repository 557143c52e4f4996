// Documents put into blocks whole, by best-fit decreasing: the longest first, each into the block with the least space
// that holds it (Ding et al. 2024, "Fewer Truncations Improve Language Modeling", section 3). Only a document longer
// than a block is cut: into full blocks and a rest, which is packed like a document.
//
// A block of block_tokens + 1 tokens is one leading token, then the pieces, then padding. The leading token is the end
// of text, or what comes before the piece in its document; so every token of every document is the target of exactly
// one input in an epoch. Padding is end-of-text tokens.
//
// How lengths go together is the same in every epoch, and so is the number of blocks. Which of the documents of a
// length takes which place, where in its block it stands and the order of the blocks are pseudo-random in (seed,
// epoch).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "core/data/shards/token_shard.h"
#include "core/data/stream/block_place.h"

namespace espalier {

class BestFitOrder {
 public:
  // `shard` must outlive the order; `documents` are numbers into it, not empty. O(documents log block_tokens) time;
  // keeps about 12 bytes a document. Const calls may run on any thread.
  BestFitOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, int32_t eos,
               uint64_t seed);

  uint64_t num_tokens() const { return num_tokens_; }
  uint64_t blocks() const { return full_blocks_ + bin_begin_.size() - 1; }  // an epoch
  uint64_t cut_documents() const { return long_.size(); }                   // longer than a block

  // The place of the first target of the row of `width` tokens that starts at token `first` of block `k` of the endless
  // sequence; where the row has none, the end of the block's last piece. O(pieces of the block).
  RowPlace locate(uint64_t k, uint64_t first, uint64_t width) const;
  // The same, with the tokens.
  RowPlace copy(uint64_t k, uint64_t first, std::span<int32_t> out) const;

 private:
  struct Piece {
    uint32_t document;
    uint64_t offset, length;
  };
  void pack(const std::vector<uint32_t>& documents);
  // The length of what is packed of a document: all of it, or the rest after its full blocks. 0: nothing.
  uint64_t rest_of(uint32_t document) const;
  template <class Visit>
  void for_each_piece(uint64_t k, Visit visit) const;
  Piece piece_at(uint64_t rank, uint64_t epoch) const;

  const TokenShard& shard_;
  uint64_t block_tokens_, seed_, num_tokens_ = 0, full_blocks_ = 0;
  int32_t eos_;
  std::vector<uint32_t> sorted_;        // documents with a rest, by its length
  std::vector<uint32_t> length_begin_;  // [block_tokens + 2]: where a length begins in sorted_
  std::vector<uint32_t> bin_begin_;     // where a bin begins in bins_, and the end
  std::vector<uint32_t> bins_;          // places in sorted_, bin by bin
  std::vector<uint32_t> long_;          // documents longer than a block
  std::vector<uint64_t> long_begin_;    // their first full block, and the end
};

}  // namespace espalier
