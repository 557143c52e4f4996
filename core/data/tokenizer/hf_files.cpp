#include "core/data/tokenizer/hf_files.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/open_file.h"

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

HfFiles hf_config_files(const std::string& eos, const std::string& unk) {
  nlohmann::json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"eos_token", eos},
                        {"clean_up_tokenization_spaces", false},
                        // Without it, transformers would cut a text longer than a default of its own.
                        {"model_max_length", 1000000000}};
  nlohmann::json special{{"eos_token", eos}};
  if (!unk.empty()) config["unk_token"] = special["unk_token"] = unk;
  return {{"tokenizer_config.json", config.dump(1)}, {"special_tokens_map.json", special.dump(1)}};
}

HfFiles read_hf_files(const std::filesystem::path& folder) {
  HfFiles files;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"})
    if (path_exists(folder / name)) files[name] = read_file(folder / name, ErrorCode::data);
  return files;
}

std::string hf_eos_token(const HfFiles& files, const std::filesystem::path& folder) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto file = files.find(name);
    if (file == files.end()) continue;
    const auto config = parse_json(file->second, (folder / name).string());
    if (!config.is_object() || !config.contains("eos_token")) continue;
    const auto& eos = config["eos_token"];
    if (eos.is_string()) return eos.get<std::string>();
    if (eos.is_object() && eos.contains("content") && eos["content"].is_string())
      return eos["content"].get<std::string>();
  }
  return "";
}

nlohmann::json parse_json(const std::string& text, const std::string& place) {
  return espalier::parse_json(text, ErrorCode::data, place, "copy the tokenizer again");
}

void write_hf_files(const std::filesystem::path& folder, const HfFiles& files) {
  for (const auto& [name, content] : files) write_file(folder / name, content, ErrorCode::data);
}

void write_hf_files(const std::filesystem::path& folder, const nlohmann::json& tokenizer, const std::string& eos,
                    const std::string& unk) {
  HfFiles files = hf_config_files(eos, unk);
  files["tokenizer.json"] = tokenizer.dump(1);
  write_hf_files(folder, files);
}

}  // namespace espalier
