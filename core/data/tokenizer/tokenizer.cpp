#include "core/data/tokenizer/tokenizer.h"

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/open_file.h"
#include "core/data/tokenizer/bpe_json.h"
#include "core/data/tokenizer/bpe_tokenizer.h"
#include "core/data/tokenizer/byte_tokenizer.h"
#include "core/data/tokenizer/hf_files.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "core/data/tokenizer/tiktoken_ranks.h"

namespace espalier {
namespace {

// U+FFFD. A model may have more rows than the tokenizer has tokens, and sample one of them.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_byte_tokenizer(const nlohmann::json& hf) {
  if (!hf.is_object()) return false;
  const auto model = hf.find("model");
  if (model == hf.end() || !model->is_object() || model->value("type", nlohmann::json()) != "BPE") return false;
  const auto merges = model->find("merges");
  return merges != model->end() && merges->empty() && hf == byte_tokenizer_json();
}

// `path`: a tokenizer.json; the files beside it name the end-of-text token.
std::unique_ptr<Tokenizer> load_hf(const fs::path& path) {
  HfFiles files = read_hf_files(path.parent_path());
  files["tokenizer.json"] = read_file(path, ErrorCode::data);
  const auto hf = parse_json(files["tokenizer.json"], path.string());
  if (is_byte_tokenizer(hf)) return make_byte_tokenizer();
  const std::string eos = hf_eos_token(files, path.parent_path());
  BpeParts parts = bpe_parts(hf, eos.empty() ? std::string(kEndOfText) : eos, path.string());
  parts.hf_files = std::move(files);
  return make_bpe(std::move(parts), path.string());
}

}  // namespace

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  make_encoder()->encode(text, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) text += id >= 0 && id < vocab_size() ? bytes(id) : kReplacement;
  return text;
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path, const std::string& pattern) {
  if (!path_exists(path))
    throw Error(
        ErrorCode::data, "no such tokenizer folder or file", path.string(),
        "use \"sentencepiece\", \"bpe\", \"byte\", or the path of a tokenizer folder, a tokenizer.json, a .model or a "
        "tiktoken rank file");
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && path.extension() != ".model" && path.extension() != ".json") {
    const std::string bytes = read_file(path, ErrorCode::data);
    if (is_tiktoken(bytes) || path.extension() == ".tiktoken")
      return make_bpe(tiktoken_parts(bytes, pattern, path.string()), path.string());
  }
  if (!pattern.empty())
    throw Error(ErrorCode::config, "a pattern is for tiktoken rank files only, and this is none: " + path.string(),
                "data.tokenizer_pattern", "leave it out");
  if (!fs::is_directory(path, ignored)) return path.extension() == ".json" ? load_hf(path) : load_sentencepiece(path);
  if (path_exists(path / "tokenizer.model")) return load_sentencepiece(path / "tokenizer.model");
  if (path_exists(path / "tokenizer.json")) return load_hf(path / "tokenizer.json");
  throw Error(ErrorCode::data, "the folder holds no tokenizer (tokenizer.model or tokenizer.json)", path.string());
}

}  // namespace espalier
