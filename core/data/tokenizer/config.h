// The keys of [data] that choose the tokenizer.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/fields.h"

namespace espalier {

struct TokenizerConfig {
  std::string tokenizer = "sentencepiece";
  std::string tokenizer_pattern;  // of a tiktoken rank file; empty: by the file
  int64_t vocab_size = 4096;

  void fields(Fields& f);
};

// Throws Error(config).
void check(const TokenizerConfig& config);

}  // namespace espalier
