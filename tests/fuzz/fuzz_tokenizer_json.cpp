// A Hugging Face tokenizer: tokenizer.json, then tokenizer_config.json. What loads gives every text back.
#include "core/data/tokenizer/tokenizer.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto parts = fuzz::parts_of(fuzz::text_of(bytes, size), 2);
  const auto path = fuzz::put("tokenizer.json", parts[0]);
  fuzz::put("tokenizer_config.json", parts[1]);
  fuzz::survives([&] {
    const auto tokenizer = load_tokenizer(path);
    fuzz::require(tokenizer->vocab_size() > 0, "a tokenizer has tokens");
    fuzz::require(tokenizer->eos() >= 0 && tokenizer->eos() < tokenizer->vocab_size(), "the end of text is a token");
    const std::string text = "a plain\tline,  of 12345 \xC3\xA9\xF0\x9F\x98\x80\n\n";
    const auto ids = tokenizer->encode(text);
    for (const int32_t id : ids) fuzz::require(id >= 0 && id < tokenizer->vocab_size(), "ids lie in the vocabulary");
    const std::string back = tokenizer->decode(ids);
    fuzz::require(back == text || back == " " + text, "a text comes back");
  });
  return 0;
}
