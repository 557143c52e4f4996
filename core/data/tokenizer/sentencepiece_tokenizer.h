// SentencePiece models as tokenizers. Only lossless models are taken: identity normalisation, byte fallback, no removal
// of white space. A model that puts a space before every text (as Llama 2's does) is fine: decode takes it away again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Loads a .model file. The Hugging Face files beside it, where there are any, are kept and written again by save_hf; a
// unigram model needs none. Throws Error(data).
std::unique_ptr<Tokenizer> load_sentencepiece(const std::filesystem::path& path);

// The same from the bytes of a unigram model, for a model just trained; `place` names it in errors.
std::unique_ptr<Tokenizer> make_sentencepiece(std::string model, const std::string& place);

}  // namespace espalier
