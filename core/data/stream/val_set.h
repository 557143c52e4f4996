// Validation text of one source as batches, the same ones every time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/shards/token_shard.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

struct ValBatch {
  std::vector<int32_t> tokens;  // [rows, seq_len + 1]
  int64_t rows = 0;
  int64_t targets = 0;  // rows * seq_len
  int64_t bytes = 0;    // of text that the targets stand for; end-of-text tokens stand for none
};

// The shard's tokens in order, cut into windows of seq_len + 1 that overlap by one token. Immutable.
class ValSet {
 public:
  // At most `max_batches` batches of `micro_batch` rows, the last one may have fewer; 0: all of the shard. A shard
  // shorter than a window gives one shorter window. `shard` and `tokenizer` must outlive the set. Throws Error(data)
  // when the shard has fewer than two tokens.
  ValSet(std::string source, const TokenShard& shard, const Tokenizer& tokenizer, int64_t seq_len, int64_t micro_batch,
         int64_t max_batches);

  const std::string& source() const { return source_; }
  int64_t seq_len() const { return seq_len_; }  // what was asked, or less for a short shard
  int64_t num_batches() const;
  ValBatch batch(int64_t index) const;

 private:
  std::string source_;
  const TokenShard& shard_;
  const Tokenizer& tokenizer_;
  int64_t seq_len_, micro_batch_, rows_;
};

}  // namespace espalier
