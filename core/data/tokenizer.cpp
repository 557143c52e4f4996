#include "core/data/tokenizer.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/data/byte_tokenizer.h"
#include "core/data/sentencepiece_tokenizer.h"

namespace espalier {
namespace {

bool is_byte_tokenizer(const nlohmann::json& hf) {
  const auto model = hf.find("model");
  if (model == hf.end() || !model->is_object() || model->value("type", "") != "BPE") return false;
  const auto merges = model->find("merges");
  return merges != model->end() && merges->empty() && hf == byte_tokenizer_json();
}

}  // namespace

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  make_encoder()->encode(text, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) text += bytes(id);
  return text;
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  if (!fs::exists(path))
    throw Error(ErrorCode::data, "no such tokenizer folder or file", path.string(),
                "use \"sentencepiece\", \"byte\", or the path of a tokenizer folder or .model file");
  if (!fs::is_directory(path)) return load_sentencepiece(path);
  if (fs::exists(path / "tokenizer.model")) return load_sentencepiece(path / "tokenizer.model");
  const auto json_path = path / "tokenizer.json";
  if (!fs::exists(json_path))
    throw Error(ErrorCode::data, "the folder holds no tokenizer (tokenizer.model or tokenizer.json)", path.string());
  const auto hf = nlohmann::json::parse(read_file(json_path, ErrorCode::data), nullptr, false);
  if (hf.is_discarded()) throw Error(ErrorCode::data, "not valid JSON", json_path.string(), "copy the tokenizer again");
  if (is_byte_tokenizer(hf)) return make_byte_tokenizer();
  throw Error(ErrorCode::data, "this kind of tokenizer is not supported", json_path.string(),
              "supported: SentencePiece (tokenizer.model) and the byte tokenizer");
}

}  // namespace espalier
