// Files of a source to one token shard: text is tokenized, foreign token shards are copied; every document ends with
// the tokenizer's end-of-text token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data/tokenizer.h"

namespace espalier {

struct ShardTotals {
  uint64_t documents = 0, tokens = 0, bytes = 0;  // bytes: of text, as UTF-8
};

// Writes <stem>.bin and <stem>.idx, documents in the order of the files. Tokenizes on several threads; the result does
// not depend on how many. `source` is named in the log. Throws Error(data); no text at all is an error, too.
ShardTotals tokenize_files(const std::vector<std::filesystem::path>& files, const std::string& text_field,
                           const Tokenizer& tokenizer, const std::filesystem::path& stem, const std::string& source);

}  // namespace espalier
