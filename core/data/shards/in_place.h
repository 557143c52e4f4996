// Foreign Megatron shards that can serve as they are.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "core/data/shards/shard_manifest.h"
#include "core/data/shards/token_shard.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Reads every token, on several threads. The totals when each document ends with the end-of-text token and holds more
// than that; nothing when one does not, so that the shards must be copied. Throws Error(data) for an id outside the
// vocabulary.
std::optional<ShardTotals> totals_if_usable(const TokenShard& shard, const Tokenizer& tokenizer);

}  // namespace espalier
