// One token a byte: ids 0 to 255 are the bytes, 256 is <|endoftext|>. Needs no training and no files.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

std::unique_ptr<Tokenizer> make_byte_tokenizer();

// Its tokenizer.json: a byte-level BPE without merges.
nlohmann::json byte_tokenizer_json();

}  // namespace espalier
