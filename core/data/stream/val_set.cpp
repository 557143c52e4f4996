#include "core/data/stream/val_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "core/base/error.h"

namespace espalier {

ValSet::ValSet(std::string source, const TokenShard& shard, const Tokenizer& tokenizer, int64_t seq_len,
               int64_t micro_batch, int64_t max_batches)
    : source_(std::move(source)), shard_(shard), tokenizer_(tokenizer), micro_batch_(micro_batch) {
  assert(seq_len > 0 && micro_batch > 0 && max_batches >= 0);
  const auto tokens = static_cast<int64_t>(shard.num_tokens());
  if (tokens < 2)
    throw Error(ErrorCode::data, fmt::format("the validation text of source \"{}\" has fewer than two tokens", source_),
                shard.path(), "give it more text or remove val");
  seq_len_ = std::min(seq_len, tokens - 1);
  rows_ = (tokens - 1) / seq_len_;
  // Not the product, which a user's numbers can make overflow.
  if (max_batches > 0 && rows_ / micro_batch >= max_batches) rows_ = max_batches * micro_batch;
}

int64_t ValSet::num_batches() const {
  return (rows_ + micro_batch_ - 1) / micro_batch_;
}

ValBatch ValSet::batch(int64_t index) const {
  assert(index >= 0 && index < num_batches());
  ValBatch batch;
  const int64_t first = index * micro_batch_;
  batch.rows = std::min(micro_batch_, rows_ - first);
  batch.targets = batch.rows * seq_len_;
  const auto width = static_cast<size_t>(seq_len_) + 1;
  batch.tokens.resize(static_cast<size_t>(batch.rows) * width);
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto out = std::span(batch.tokens).subspan(static_cast<size_t>(row) * width, width);
    shard_.copy(static_cast<uint64_t>((first + row) * seq_len_), out);
    for (const int32_t id : out.subspan(1)) batch.bytes += tokenizer_.byte_length(id);
  }
  return batch;
}

}  // namespace espalier
