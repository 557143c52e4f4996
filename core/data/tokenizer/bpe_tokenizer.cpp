#include "core/data/tokenizer/bpe_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/data/tokenizer/bpe_json.h"
#include "core/data/tokenizer/hf_files.h"
#include "core/data/tokenizer/word_cache.h"

namespace espalier {
namespace {

struct Loaded {
  Loaded(BpeParts all, std::span<const int32_t> byte_ids)
      : parts(std::move(all)), merger(byte_ids, parts.merges), added(parts.added) {
    if (!parts.ignore_merges) return;
    for (size_t id = 0; id < parts.tokens.size(); ++id)
      if (!parts.tokens[id].empty()) whole.emplace(parts.tokens[id], static_cast<int32_t>(id));
    for (const auto& token : parts.added) whole.erase(token.text);
  }

  BpeParts parts;
  BpeMerger merger;
  AddedTokens added;
  std::unordered_map<std::string_view, int32_t> whole;  // tokens by their bytes; only with ignore_merges
};

class BpeEncoder : public Encoder {
 public:
  explicit BpeEncoder(const Loaded& model) : model_(model) {}

  void encode(std::string_view text, std::vector<int32_t>& ids) override {
    model_.added.split(
        text, [&](std::string_view part) { encode_part(part, ids); }, [&](int32_t id) { ids.push_back(id); });
  }

 private:
  void encode_part(std::string_view text, std::vector<int32_t>& ids) {
    const auto& pre = model_.parts.pre_tokenizer;
    const auto sink = [&](std::string_view piece) { encode_piece(piece, ids); };
    if (!pre.add_prefix_space || text.starts_with(' ')) return pre.split(text, sink);
    pre.split(" " + std::string(text), sink);
  }

  void encode_piece(std::string_view piece, std::vector<int32_t>& ids) {
    if (cache_.find(piece, ids)) return;
    const size_t before = ids.size();
    const auto whole = model_.whole.find(piece);
    if (whole != model_.whole.end()) {
      ids.push_back(whole->second);
    } else {
      model_.merger.encode(piece, scratch_, ids);
    }
    cache_.remember(piece, std::span(ids).subspan(before));
  }

  const Loaded& model_;
  WordCache cache_;
  BpeScratch scratch_;
};

std::vector<int32_t> byte_ids(const BpeParts& parts, const std::string& place) {
  std::vector<int32_t> ids(256, -1);
  for (size_t id = parts.tokens.size(); id-- > 0;)
    if (parts.tokens[id].size() == 1) ids[static_cast<uint8_t>(parts.tokens[id][0])] = static_cast<int32_t>(id);
  for (size_t byte = 0; byte < ids.size(); ++byte)
    if (ids[byte] < 0)
      throw Error(ErrorCode::data, fmt::format("the vocabulary has no token for the byte 0x{:02X}", byte), place,
                  "only byte-level BPE that can spell every text is supported");
  return ids;
}

class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer(BpeParts parts, const std::string& place)
      : byte_ids_(byte_ids(parts, place)), model_(std::move(parts), byte_ids_) {
    fingerprint_ = sha256_bytes(describe());
  }

  int32_t vocab_size() const override { return static_cast<int32_t>(model_.parts.tokens.size()); }
  int32_t eos() const override { return model_.parts.eos; }
  std::unique_ptr<Encoder> make_encoder() const override { return std::make_unique<BpeEncoder>(model_); }
  std::string_view bytes(int32_t id) const override { return model_.parts.tokens[static_cast<size_t>(id)]; }
  std::string fingerprint() const override { return fingerprint_; }

  void save_hf(const fs::path& folder) const override {
    const auto& parts = model_.parts;
    if (parts.hf_files.count("tokenizer.json") == 0)
      return write_hf_files(folder, bpe_tokenizer_json(parts), eos_text(), "");
    HfFiles files = hf_config_files(eos_text(), "");
    for (const auto& [name, content] : parts.hf_files) files[name] = content;
    write_hf_files(folder, files);
  }

 private:
  std::string eos_text() const {
    const auto& added = model_.parts.added;
    return std::find_if(added.begin(), added.end(), [&](const auto& token) { return token.id == eos(); })->text;
  }

  // Everything that ids depend on.
  std::string describe() const {
    const auto& p = model_.parts;
    std::string text = fmt::format("byte-level BPE 1\neos {}\nignore_merges {}\nprefix {}\n", p.eos, p.ignore_merges,
                                   p.pre_tokenizer.add_prefix_space);
    for (const auto stage : p.pre_tokenizer.stages) text += fmt::format("split {}\n", name_of(stage));
    for (const auto& token : p.added)
      text += fmt::format("added {} {} {} {}\n", token.id, token.special, token.normalized, token.text);
    for (const auto& token : p.tokens) text += fmt::format("{} {}\n", token.size(), token);
    for (const auto& merge : p.merges) text += fmt::format("{} {} {}\n", merge.left, merge.right, merge.merged);
    return text;
  }

  std::vector<int32_t> byte_ids_;
  Loaded model_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_bpe(BpeParts parts, const std::string& place) {
  return std::make_unique<BpeTokenizer>(std::move(parts), place);
}

}  // namespace espalier
