#include "core/data/tokenizer/byte_tokenizer.h"

#include <array>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/data/tokenizer/byte_level.h"
#include "core/data/tokenizer/hf_files.h"

namespace espalier {
namespace {

constexpr int32_t kEos = 256;

class ByteEncoder : public Encoder {
 public:
  void encode(std::string_view text, std::vector<int32_t>& ids) override {
    ids.reserve(ids.size() + text.size());
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  }
};

class ByteTokenizer : public Tokenizer {
 public:
  ByteTokenizer() {
    for (size_t i = 0; i < all_.size(); ++i) all_[i] = static_cast<char>(i);
  }
  int32_t vocab_size() const override { return kEos + 1; }
  int32_t eos() const override { return kEos; }
  std::unique_ptr<Encoder> make_encoder() const override { return std::make_unique<ByteEncoder>(); }
  std::string_view bytes(int32_t id) const override {
    return id == kEos ? std::string_view() : std::string_view(all_.data() + id, 1);
  }
  std::string fingerprint() const override { return sha256_bytes("espalier byte tokenizer 1"); }
  void save_hf(const std::filesystem::path& folder) const override {
    write_hf_files(folder, byte_tokenizer_json(), std::string(kEndOfText), "");
  }

 private:
  std::array<char, 256> all_{};
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer() {
  return std::make_unique<ByteTokenizer>();
}

nlohmann::json byte_tokenizer_json() {
  nlohmann::json vocab;
  for (int byte = 0; byte < 256; ++byte) vocab[std::string(byte_level(static_cast<uint8_t>(byte)))] = byte;
  vocab[std::string(kEndOfText)] = kEos;
  const nlohmann::json byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  return hf_tokenizer_json({{kEos, std::string(kEndOfText)}}, {{"pre_tokenizer", byte_level},
                                                               {"decoder", byte_level},
                                                               {"model",
                                                                {{"type", "BPE"},
                                                                 {"dropout", nullptr},
                                                                 {"unk_token", nullptr},
                                                                 {"continuing_subword_prefix", nullptr},
                                                                 {"end_of_word_suffix", nullptr},
                                                                 {"fuse_unk", false},
                                                                 {"byte_fallback", false},
                                                                 {"vocab", vocab},
                                                                 {"merges", nlohmann::json::array()}}}});
}

}  // namespace espalier
