#include "core/data/tokenizer/sentencepiece_tokenizer.h"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/data/tokenizer/hf_files.h"
#include "core/data/tokenizer/sentencepiece_model.h"
#include "core/data/tokenizer/word_cache.h"

namespace espalier {
namespace {

using Kind = SentencePieceModel::Kind;
using PieceType = SentencePieceModel::PieceType;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, which stands for ' ' inside pieces

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// No piece goes on after a space that follows something else, so the best segmentation of a text is that of its words
// (cut before each run of spaces), joined.
bool pieces_stay_inside_words(const SentencePieceModel& model) {
  for (const auto& piece : model.pieces) {
    if (piece.type != PieceType::normal && piece.type != PieceType::user_defined) continue;
    size_t spaces = 0;
    while (std::string_view(piece.text).substr(spaces).starts_with(kSpace)) spaces += kSpace.size();
    if (piece.text.find(kSpace, spaces) != std::string::npos) return false;
  }
  return true;
}

// The byte of a piece such as "<0xAB>".
std::optional<size_t> byte_of(std::string_view piece) {
  size_t byte = 0;
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  const auto read = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return read.ptr == piece.data() + 5 ? std::optional(byte) : std::nullopt;
}

void require_lossless(const SentencePieceModel& model, const std::string& place) {
  std::string why;
  if (!model.charsmap.empty()) why = "it normalises text";
  if (model.remove_extra_whitespaces) why = "it removes white space";
  if (!model.escape_whitespaces || model.whitespace_as_suffix) why = "it treats white space in an unusual way";
  if (model.kind != Kind::unigram && model.kind != Kind::bpe) why = "it is neither unigram nor BPE";
  std::vector<bool> bytes(256);
  for (const auto& piece : model.pieces)
    if (piece.type == PieceType::byte) {
      const auto byte = byte_of(piece.text);
      if (!byte || bytes[*byte])
        why = fmt::format("its byte piece \"{}\" is not one of <0x00> to <0xFF>", valid_utf8(piece.text));
      if (byte) bytes[*byte] = true;
    }
  if (std::find(bytes.begin(), bytes.end(), false) != bytes.end()) why = "it has no byte fallback";
  if (!why.empty())
    throw Error(ErrorCode::data, "this SentencePiece model cannot be used: " + why, place,
                "only lossless models are supported; train one with --normalization_rule_name=identity "
                "--remove_extra_whitespaces=false --byte_fallback=true");
}

struct Loaded {
  sentencepiece::SentencePieceProcessor processor;
  std::vector<std::string> bytes;  // of each id
  std::vector<int32_t> byte_ids;   // id of each byte's piece
  bool by_word = false, dummy_prefix = false;
};

// The library reports most damage by a status, and some by exceptions of libraries below it.
sentencepiece::util::Status load(sentencepiece::SentencePieceProcessor& processor, const std::string& model,
                                 const std::string& place) {
  try {
    return processor.LoadFromSerializedProto(model);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::data, std::string("SentencePiece refuses the model: ") + error.what(), place,
                "copy the .model file again");
  }
}

class SentencePieceEncoder : public Encoder {
 public:
  explicit SentencePieceEncoder(const Loaded& model) : model_(model) {}

  void encode(std::string_view text, std::vector<int32_t>& ids) override {
    if (!model_.dummy_prefix) return encode_parts(text, ids);
    std::string prefixed = " ";
    prefixed += text;
    encode_parts(prefixed, ids);
  }

 private:
  // U+2581 itself would come back as a space, so it goes in as its three bytes.
  void encode_parts(std::string_view text, std::vector<int32_t>& ids) {
    for (size_t at = text.find(kSpace); at != std::string_view::npos; at = text.find(kSpace)) {
      encode_words(text.substr(0, at), ids);
      for (const char c : kSpace) ids.push_back(model_.byte_ids[static_cast<unsigned char>(c)]);
      text.remove_prefix(at + kSpace.size());
    }
    encode_words(text, ids);
  }

  void encode_words(std::string_view text, std::vector<int32_t>& ids) {
    if (!model_.by_word) return encode_piecewise(text, ids);
    while (!text.empty()) {
      const size_t word = std::min(text.find_first_not_of(' '), text.size());
      const size_t end = std::min(text.find(' ', word), text.size());
      encode_word(text.substr(0, end), ids);
      text.remove_prefix(end);
    }
  }

  void encode_word(std::string_view word, std::vector<int32_t>& ids) {
    if (cache_.find(word, ids)) return;
    const size_t before = ids.size();
    encode_piecewise(word, ids);
    cache_.remember(word, std::span(ids).subspan(before));
  }

  void encode_piecewise(std::string_view text, std::vector<int32_t>& ids) {
    if (text.empty()) return;
    const auto status = model_.processor.Encode(text, &scratch_);
    if (!status.ok()) throw Error(ErrorCode::internal, "SentencePiece: " + status.ToString());
    ids.insert(ids.end(), scratch_.begin(), scratch_.end());
  }

  const Loaded& model_;
  WordCache cache_;
  std::vector<int> scratch_;
};

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(std::string file, HfFiles hf, const std::string& place)
      : file_(std::move(file)), model_(SentencePieceModel::parse(file_, place)), hf_(std::move(hf)) {
    require_lossless(model_, place);
    if (hf_.empty() && model_.kind != Kind::unigram)
      throw Error(ErrorCode::data, "a BPE model needs its tokenizer.json beside it", place,
                  "point to the whole tokenizer folder, or use a unigram model");
    // Appended fields of a protocol buffer win: the space before a text is added here, once, and not for every word.
    const auto status = load(loaded_.processor, file_ + std::string("\x1a\x02\x18\x00", 4), place);
    if (!status.ok()) throw Error(ErrorCode::data, "SentencePiece refuses the model: " + status.ToString(), place);
    const auto pieces = static_cast<int>(model_.pieces.size());
    if (loaded_.processor.GetPieceSize() != pieces || loaded_.processor.eos_id() >= pieces ||
        loaded_.processor.unk_id() < 0 || loaded_.processor.unk_id() >= pieces)
      throw Error(ErrorCode::data, "the SentencePiece model contradicts itself: its pieces", place,
                  "copy the .model file again");
    if (loaded_.processor.eos_id() < 0)
      throw Error(ErrorCode::data, "the model has no end-of-text piece", place, "train it with an eos_id");
    loaded_.dummy_prefix = model_.add_dummy_prefix;
    loaded_.by_word = pieces_stay_inside_words(model_);
    loaded_.byte_ids.resize(256);
    for (size_t id = 0; id < model_.pieces.size(); ++id) add_piece(static_cast<int32_t>(id), model_.pieces[id]);
  }

  int32_t vocab_size() const override { return static_cast<int32_t>(model_.pieces.size()); }
  int32_t eos() const override { return loaded_.processor.eos_id(); }
  std::unique_ptr<Encoder> make_encoder() const override { return std::make_unique<SentencePieceEncoder>(loaded_); }
  std::string_view bytes(int32_t id) const override { return loaded_.bytes[static_cast<size_t>(id)]; }
  std::string fingerprint() const override { return sha256_bytes("sentencepiece 1 " + file_); }

  std::string decode(std::span<const int32_t> ids) const override {
    std::string text = Tokenizer::decode(ids);
    if (loaded_.dummy_prefix && text.starts_with(' ')) text.erase(0, 1);
    return text;
  }

  void save_hf(const fs::path& folder) const override {
    write_file(folder / "tokenizer.model", file_, ErrorCode::data);
    if (hf_.empty()) return write_hf_files(folder, unigram_json(), text_of(eos()), text_of(loaded_.processor.unk_id()));
    write_hf_files(folder, hf_);
  }

 private:
  void add_piece(int32_t id, const SentencePieceModel::Piece& piece) {
    std::string bytes;
    if (piece.type == PieceType::byte) {
      const size_t byte = byte_of(piece.text).value();
      loaded_.byte_ids[byte] = id;
      bytes = static_cast<char>(byte);
    } else if (piece.type == PieceType::normal || piece.type == PieceType::user_defined) {
      bytes = replace_all(piece.text, kSpace, " ");
    }
    loaded_.bytes.push_back(std::move(bytes));
  }

  const std::string& text_of(int32_t id) const { return model_.pieces[static_cast<size_t>(id)].text; }

  nlohmann::json unigram_json() const {
    const std::string space(kSpace);
    std::vector<SpecialToken> special;
    nlohmann::json vocab = nlohmann::json::array();
    for (size_t id = 0; id < model_.pieces.size(); ++id) {
      const auto& piece = model_.pieces[id];
      const bool is_text = piece.type == PieceType::normal || piece.type == PieceType::user_defined;
      if (piece.type == PieceType::unknown || piece.type == PieceType::control)
        special.push_back({static_cast<int32_t>(id), piece.text});
      // SentencePiece never matches "<0x41>" in a text; a score that loses against everything has the same effect.
      vocab.push_back({piece.text, is_text ? static_cast<double>(piece.score) : -1e6});
    }
    const nlohmann::json spaces{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}};
    nlohmann::json normalizer = spaces;
    nlohmann::json decoders =
        nlohmann::json::array({{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}},
                               {{"type", "ByteFallback"}},
                               {{"type", "Fuse"}}});
    if (loaded_.dummy_prefix) {
      normalizer = {{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}, {"prepend", space}}, spaces}}};
      decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    return hf_tokenizer_json(
        special,
        {{"normalizer", normalizer},
         {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
         {"model",
          {{"type", "Unigram"}, {"unk_id", loaded_.processor.unk_id()}, {"byte_fallback", true}, {"vocab", vocab}}}});
  }

  std::string file_;
  SentencePieceModel model_;
  HfFiles hf_;
  Loaded loaded_;
};

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece(const fs::path& path) {
  HfFiles hf = read_hf_files(path.parent_path());
  if (hf.count("tokenizer.json") == 0) hf.clear();
  return std::make_unique<SentencePieceTokenizer>(read_file(path, ErrorCode::data), std::move(hf), path.string());
}

std::unique_ptr<Tokenizer> make_sentencepiece(std::string model, const std::string& place) {
  return std::make_unique<SentencePieceTokenizer>(std::move(model), HfFiles{}, place);
}

}  // namespace espalier
