#include "core/data/shards/token_ids.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace espalier {

size_t first_outside(std::span<const int32_t> ids, int32_t vocab_size) {
  // Negative ids are large without their sign. The whole is looked at first: that is many at a time, and nearly always
  // enough.
  uint32_t largest = 0;
  for (const int32_t id : ids) largest = largest > static_cast<uint32_t>(id) ? largest : static_cast<uint32_t>(id);
  if (largest < static_cast<uint32_t>(vocab_size)) return ids.size();
  size_t i = 0;
  while (i < ids.size() && static_cast<uint32_t>(ids[i]) < static_cast<uint32_t>(vocab_size)) ++i;
  return i;
}

void refuse_id(int32_t id, int32_t vocab_size, const std::string& place) {
  throw Error(
      ErrorCode::data, fmt::format("token {} lies outside the vocabulary of {}", id, vocab_size), place,
      "set data.tokenizer to the tokenizer that made the shard, or, for ids without header, format of the source to "
      "what they are");
}

}  // namespace espalier
