// Where the rows of a sample stream come from, and the two ways to make blocks of documents.
#pragma once

#include <cstdint>

namespace espalier {

// How documents become blocks of tokens.
enum class Packing {
  concat,    // joined and cut
  best_fit,  // put together whole, the rest of a block is padding
};

// Where a row starts, and how much of it is text.
struct RowPlace {
  uint32_t document = 0;  // of the shard
  uint64_t offset = 0;    // in tokens of that document
  uint64_t tokens = 0;    // of the row that are text; what follows is padding
};

}  // namespace espalier
