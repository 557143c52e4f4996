// The JSON files of a Hugging Face tokenizer folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace espalier {

struct SpecialToken {
  int32_t id;
  std::string text;
};

using HfFiles = std::map<std::string, std::string>;  // file name -> content

// A tokenizer.json with the given special tokens and parts (normalizer, pre_tokenizer, decoder, model).
nlohmann::json hf_tokenizer_json(const std::vector<SpecialToken>& special, const nlohmann::json& parts);

// tokenizer_config.json and special_tokens_map.json. `unk` may be empty.
HfFiles hf_config_files(const std::string& eos, const std::string& unk);

// Those of tokenizer.json, tokenizer_config.json and special_tokens_map.json that the folder has. Throws Error(data).
HfFiles read_hf_files(const std::filesystem::path& folder);

// The text of the end-of-text token as tokenizer_config.json or special_tokens_map.json name it; "" when they do not.
// Throws Error(data) for a file that is not JSON; `folder` is named.
std::string hf_eos_token(const HfFiles& files, const std::filesystem::path& folder);

// Parses JSON; Error(data) names `place` and the byte at which it stops being JSON.
nlohmann::json parse_json(const std::string& text, const std::string& place);

// Writes the files into an existing folder. Throws Error(data).
void write_hf_files(const std::filesystem::path& folder, const HfFiles& files);

// The same for tokenizer.json, tokenizer_config.json and special_tokens_map.json. `unk` may be empty.
void write_hf_files(const std::filesystem::path& folder, const nlohmann::json& tokenizer, const std::string& eos,
                    const std::string& unk);

}  // namespace espalier
