// tiktoken's rank files: one token a line, its bytes in base64 and its rank, which is its id.
#pragma once

#include <string>
#include <string_view>

#include "core/data/tokenizer/bpe_tokenizer.h"

namespace espalier {

// Whether the first line looks like such a file's.
bool is_tiktoken(std::string_view bytes);

// The parts of the tokenizer. Known files (by their hash) bring their pattern and special tokens; for any other,
// `pattern` is "gpt2", "cl100k" or "o200k", and <|endoftext|> is the id after the last rank. Throws Error(data) with
// `place` (the file) and the line, or Error(config) for the pattern.
BpeParts tiktoken_parts(std::string_view bytes, const std::string& pattern, const std::string& place);

}  // namespace espalier
