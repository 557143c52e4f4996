// A tiktoken rank file. What loads gives every text back.
#include "core/data/tokenizer/bpe_tokenizer.h"
#include "core/data/tokenizer/tiktoken_ranks.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto ranks = fuzz::text_of(bytes, size);
  is_tiktoken(ranks);
  fuzz::survives([&] {
    const auto tokenizer = make_bpe(tiktoken_parts(ranks, "gpt2", "ranks"), "ranks");
    const std::string text = "a plain line of 12345 \xC3\xA9\n";
    const auto ids = tokenizer->encode(text);
    for (const int32_t id : ids) fuzz::require(id >= 0 && id < tokenizer->vocab_size(), "ids lie in the vocabulary");
    fuzz::require(tokenizer->decode(ids) == text, "a text comes back");
  });
  return 0;
}
