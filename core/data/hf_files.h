// The JSON files of a Hugging Face tokenizer folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace espalier {

struct SpecialToken {
  int32_t id;
  std::string text;
};

// A tokenizer.json with the given special tokens and parts (normalizer, pre_tokenizer, decoder, model).
nlohmann::json hf_tokenizer_json(const std::vector<SpecialToken>& special, const nlohmann::json& parts);

// Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json. `unk` may be empty. Throws Error(data).
void write_hf_files(const std::filesystem::path& folder, const nlohmann::json& tokenizer, const std::string& eos,
                    const std::string& unk);

}  // namespace espalier
