// Byte-level BPE in Hugging Face's tokenizer.json, read and written.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/data/tokenizer/bpe_tokenizer.h"

namespace espalier {

// The parts of a tokenizer.json; `eos` is the text of its end-of-text token. Whatever would change the ids and is not
// supported is refused. Throws Error(data) with `place` (the file) and the member.
BpeParts bpe_parts(const nlohmann::json& hf, const std::string& eos, const std::string& place);

// The tokenizer.json of parts that came from somewhere else.
nlohmann::json bpe_tokenizer_json(const BpeParts& parts);

}  // namespace espalier
