#include "core/data/tokenizer/config.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace espalier {

void TokenizerConfig::fields(Fields& f) {
  f.field("tokenizer", tokenizer,
          "\"sentencepiece\" or \"bpe\" (trained on the sources and cached), \"byte\", or the path of a tokenizer "
          "folder, a tokenizer.json, a .model or a tiktoken rank file.");
  f.field("tokenizer_pattern", tokenizer_pattern,
          "How a tiktoken rank file cuts text: gpt2, cl100k or o200k; empty: known files bring their own.",
          Choices{"", "gpt2", "cl100k", "o200k"});
  f.field("vocab_size", vocab_size, "Vocabulary of the trained tokenizer; a small corpus may give a smaller one.",
          Range::between(400, 1000000));
}

void check(const TokenizerConfig& config) {
  const auto& tokenizer = config.tokenizer;
  if (!config.tokenizer_pattern.empty() && (tokenizer == "byte" || tokenizer == "sentencepiece" || tokenizer == "bpe"))
    throw Error(ErrorCode::config, fmt::format("tokenizer = \"{}\" takes no pattern", tokenizer),
                "data.tokenizer_pattern", "leave it out; it is for tiktoken rank files");
}

}  // namespace espalier
