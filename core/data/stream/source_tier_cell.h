// The documents of one cell (source, tier) as an endless sequence of blocks, packed in one of two ways.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/data/stream/best_fit_order.h"
#include "core/data/stream/concat_order.h"

namespace espalier {

struct BlockOptions {
  int64_t block_tokens = 0;
  Packing packing = Packing::concat;
  int32_t eos = 0;  // the padding of best_fit
  uint64_t seed = 0;
};

class Cell {
 public:
  // `shard` must outlive the cell; `documents` are numbers into it, in order, not empty. Everything follows from the
  // documents, the options and `name`. Not for use by two threads at once.
  Cell(const TokenShard& shard, std::vector<uint32_t> documents, const BlockOptions& options, const std::string& name);

  uint64_t num_tokens() const;
  uint64_t blocks_per_epoch() const;
  // Joined, the documents do not fill one block: they are repeated inside it. Never for best_fit, which pads.
  bool repeats_inside() const;
  uint64_t cut_documents() const;  // longer than a block, with best_fit; 0 with concat
  // The share of an epoch's targets that is text; 1 without padding.
  double fill() const;

  // The `width` tokens from `first` of block `k` of the endless sequence; epoch k / blocks_per_epoch(). A block has
  // block_tokens + 1 tokens.
  RowPlace locate(uint64_t k, uint64_t first, uint64_t width);
  // The same, with the tokens; out.size() is the width.
  RowPlace copy(uint64_t k, uint64_t first, std::span<int32_t> out);
  // Where documents are joined, the order that locate() asks; it can be asked for many rows at a time.
  ConcatOrder* joined() { return std::get_if<ConcatOrder>(&order_); }

 private:
  int64_t block_tokens_;
  std::variant<ConcatOrder, BestFitOrder> order_;
};

}  // namespace espalier
