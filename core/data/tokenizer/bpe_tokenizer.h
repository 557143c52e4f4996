// Byte-level BPE: GPT-2, GPT-4, Llama 3 and their like, from Hugging Face's tokenizer.json, from tiktoken's rank files,
// or trained here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/data/tokenizer/added_tokens.h"
#include "core/data/tokenizer/bpe_merger.h"
#include "core/data/tokenizer/hf_files.h"
#include "core/data/tokenizer/pre_tokenizer.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

struct BpeParts {
  std::vector<std::string> tokens;  // bytes of each id; empty for special and unused ids
  std::vector<BpeMerge> merges;
  bool ignore_merges = false;  // a piece that is a token as a whole becomes it, whatever the merges say
  PreTokenizer pre_tokenizer;
  std::vector<AddedToken> added;
  int32_t eos = 0;   // the id of a special token
  HfFiles hf_files;  // to be written as they are; without a tokenizer.json they are made
};

// The parts fit together: ids in range, the single bytes all there. `place` names them in errors. Throws Error(data).
std::unique_ptr<Tokenizer> make_bpe(BpeParts parts, const std::string& place);

}  // namespace espalier
