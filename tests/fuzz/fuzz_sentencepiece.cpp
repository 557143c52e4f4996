// A SentencePiece model.
#include "core/data/tokenizer/sentencepiece_model.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string model(fuzz::text_of(bytes, size));
  fuzz::survives([&] {
    const auto parsed = SentencePieceModel::parse(model, "model");
    fuzz::require(!parsed.pieces.empty(), "a model has pieces");
    std::string rounded = model;
    round_scores(rounded, 0.5f);
  });
  fuzz::survives([&] {
    const auto tokenizer = make_sentencepiece(model, "model");
    const std::string text = "a plain  line of 12345 \xC3\xA9\n";
    const auto ids = tokenizer->encode(text);
    for (const int32_t id : ids) fuzz::require(id >= 0 && id < tokenizer->vocab_size(), "ids lie in the vocabulary");
    tokenizer->decode(ids);
    fuzz::require(tokenizer->eos() >= 0 && tokenizer->eos() < tokenizer->vocab_size(), "the end of text is a token");
  });
  return 0;
}
