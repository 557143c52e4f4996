#include "core/data/hf_files.h"

#include <nlohmann/json.hpp>

#include "core/base/file.h"

namespace espalier {

nlohmann::json hf_tokenizer_json(const std::vector<SpecialToken>& special, const nlohmann::json& parts) {
  nlohmann::json added = nlohmann::json::array();
  for (const auto& token : special)
    added.push_back({{"id", token.id},
                     {"content", token.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  nlohmann::json tokenizer{{"version", "1.0"},          {"truncation", nullptr}, {"padding", nullptr},
                           {"added_tokens", added},     {"normalizer", nullptr}, {"pre_tokenizer", nullptr},
                           {"post_processor", nullptr}, {"decoder", nullptr},    {"model", nullptr}};
  tokenizer.update(parts);
  return tokenizer;
}

void write_hf_files(const std::filesystem::path& folder, const nlohmann::json& tokenizer, const std::string& eos,
                    const std::string& unk) {
  nlohmann::json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"eos_token", eos},
                        {"clean_up_tokenization_spaces", false},
                        // Without it, transformers would cut a text longer than a default of its own.
                        {"model_max_length", 1000000000}};
  nlohmann::json special{{"eos_token", eos}};
  if (!unk.empty()) config["unk_token"] = special["unk_token"] = unk;
  write_file(folder / "tokenizer.json", tokenizer.dump(1), ErrorCode::data);
  write_file(folder / "tokenizer_config.json", config.dump(1), ErrorCode::data);
  write_file(folder / "special_tokens_map.json", special.dump(1), ErrorCode::data);
}

}  // namespace espalier
