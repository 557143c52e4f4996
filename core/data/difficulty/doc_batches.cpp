#include "core/data/difficulty/doc_batches.h"

#include "core/base/rng.h"

namespace espalier {

std::vector<DocRange> cut_documents(const std::vector<const TokenShard*>& shards, uint64_t tokens) {
  std::vector<DocRange> ranges;
  for (size_t s = 0; s < shards.size(); ++s) {
    DocRange range{s, 0, 0};
    uint64_t size = 0;
    while (range.last < shards[s]->num_documents()) {
      size += shards[s]->length(range.last++);
      if (size < tokens && range.last < shards[s]->num_documents()) continue;
      ranges.push_back(range);
      range.first = range.last;
      size = 0;
    }
  }
  return ranges;
}

DocBatch DocBuffer::read(const TokenShard& shard, const DocRange& range,
                         const std::vector<const std::vector<float>*>& inputs) {
  ids_.clear();
  text_offsets_ = {0};
  token_offsets_ = {0};
  text_.clear();
  tokens_.clear();
  inputs_.clear();
  for (size_t d = range.first; d < range.last; ++d) {
    document_.resize(shard.length(d));
    shard.copy(shard.offset(d), document_);
    document_.pop_back();  // the end-of-text token is not part of the text
    const std::string decoded = tokenizer_.decode(document_);
    ids_.push_back(hash64(decoded));
    text_ += decoded;
    text_offsets_.push_back(static_cast<int64_t>(text_.size()));
    if (with_tokens_) tokens_.insert(tokens_.end(), document_.begin(), document_.end());
    token_offsets_.push_back(static_cast<int64_t>(tokens_.size()));
    for (const auto* column : inputs) inputs_.push_back((*column)[d]);
  }
  return {
      ids_,         text_offsets_, with_tokens_ ? std::span<const int64_t>(token_offsets_) : std::span<const int64_t>(),
      text_,        tokens_,       inputs_,
      inputs.size()};
}

std::string document_text(const TokenShard& shard, size_t document, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids(shard.length(document));
  shard.copy(shard.offset(document), ids);
  if (!ids.empty()) ids.pop_back();
  return tokenizer.decode(ids);
}

}  // namespace espalier
