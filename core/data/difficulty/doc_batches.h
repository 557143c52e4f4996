// The documents of a shard as batches for a scorer. The text comes from the tokens, which are lossless.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/difficulty/difficulty.h"
#include "core/data/shards/token_shard.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Documents [first, last) of shard number `shard`.
struct DocRange {
  size_t shard = 0, first = 0, last = 0;
};

// Cuts all documents into ranges of about `tokens` tokens, a document at least; none spans two shards. Depends on the
// lengths of the documents alone.
std::vector<DocRange> cut_documents(const std::vector<const TokenShard*>& shards, uint64_t tokens);

// The memory of one batch, used again for the next. One thread at a time.
class DocBuffer {
 public:
  explicit DocBuffer(const Tokenizer& tokenizer, bool with_tokens) : tokenizer_(tokenizer), with_tokens_(with_tokens) {}

  // `inputs`: a column a scorer, one value a document of the whole shard. The views hold until the next call.
  DocBatch read(const TokenShard& shard, const DocRange& range, const std::vector<const std::vector<float>*>& inputs);
  uint64_t text_bytes() const { return text_.size(); }

 private:
  const Tokenizer& tokenizer_;
  bool with_tokens_;
  std::vector<uint64_t> ids_;
  std::vector<int64_t> text_offsets_, token_offsets_;
  std::string text_;
  std::vector<int32_t> tokens_, document_;
  std::vector<float> inputs_;
};

// The text of one document.
std::string document_text(const TokenShard& shard, size_t document, const Tokenizer& tokenizer);

}  // namespace espalier
