#include "core/data/tokenizer/sentencepiece_training.h"

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include <cstdlib>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/tokenizer/sentencepiece_model.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {
namespace {

// Scores in steps of a power of two add up without rounding, in SentencePiece's single precision and in the double
// precision of Hugging Face's tokenizers alike; so both break ties ("--" + "-" or "-" + "--") the same way.
constexpr float kScoreStep = 0x1.0p-8f;

// Cuts after runs of newlines, so that newlines become pieces, and long lines before a space.
std::vector<std::string> cut_sentences(std::string_view text) {
  constexpr size_t kLongest = 4000;  // the trainer drops sentences over 4192 bytes
  std::vector<std::string> sentences;
  while (!text.empty()) {
    // Looking no further keeps a text without newlines from being searched again for every piece.
    const std::string_view near = text.substr(0, kLongest + 1);
    size_t end = std::min(near.find('\n'), near.size());
    end = std::min(near.find_first_not_of('\n', end), near.size());
    if (end > kLongest) {
      end = text.rfind(' ', kLongest);
      if (end == std::string_view::npos || end == 0) {
        end = kLongest;
        while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
      }
    }
    sentences.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return sentences;
}

// Why training failed, and the way out. The library's messages are "file.cc(12) [condition] What is wrong.", and name
// options of its own program.
Error training_error(int64_t vocab_size, const std::string& message) {
  const auto error = [&](const std::string& why, const std::string& hint) {
    return Error(ErrorCode::data, fmt::format("cannot train a tokenizer of {} pieces: {}", vocab_size, why),
                 "data.vocab_size", hint);
  };
  const size_t condition = message.rfind("] ");
  const std::string what = condition == std::string::npos ? "" : message.substr(condition + 2);
  // "Vocabulary size is smaller than required_chars. 400 vs 6357."
  const size_t versus = what.find(" vs ");
  if (what.find("required_chars") != std::string::npos && versus != std::string::npos) {
    const int64_t needed = std::atoll(what.c_str() + versus + 4);
    return error(
        fmt::format("the text has so many different characters that they alone take {} pieces", needed),
        fmt::format("set data.vocab_size to {} or more, or data.tokenizer to \"bpe\", which needs no piece for "
                    "each character",
                    needed + needed / 4));
  }
  const bool foreign = what.empty() || what.find("--") != std::string::npos;
  return error(foreign ? "too little text" : what, "give more text, another vocab_size, or tokenizer = \"byte\"");
}

class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(const TextSample& sample) : at_(sample.documents().begin()), end_(sample.documents().end()) {
    load();
  }
  bool done() const override { return index_ == current_.size(); }
  void Next() override {
    if (++index_ == current_.size()) {
      ++at_;
      load();
    }
  }
  const std::string& value() const override { return current_[index_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void load() {
    index_ = 0;
    current_.clear();
    for (; at_ != end_; ++at_) {
      current_ = cut_sentences(at_->second);
      if (!current_.empty()) return;
    }
  }
  std::multimap<uint64_t, std::string>::const_iterator at_, end_;
  std::vector<std::string> current_;
  size_t index_ = 0;
};

std::string printable_ascii() {
  std::string text;
  for (char c = '!'; c <= '~'; ++c) text += c;
  return text;
}

std::unordered_map<std::string, std::string> settings(int64_t vocab_size) {
  return {{"model_type", "unigram"},
          {"vocab_size", std::to_string(vocab_size)},
          {"hard_vocab_limit", "false"},
          {"character_coverage", "0.9995"},
          {"required_chars", printable_ascii()},
          {"byte_fallback", "true"},
          {"normalization_rule_name", "identity"},
          {"remove_extra_whitespaces", "false"},
          {"add_dummy_prefix", "false"},
          {"allow_whitespace_only_pieces", "true"},
          {"split_digits", "true"},
          // Candidates that training prunes down from; the default of a million is slow and gives no better small
          // vocabulary.
          {"seed_sentencepiece_size", "100000"},
          {"unk_id", "0"},
          {"eos_id", "1"},
          {"eos_piece", std::string(kEndOfText)},
          {"bos_id", "-1"},
          {"pad_id", "-1"},
          // Sums are taken per thread: a fixed number keeps the result the same on every machine.
          {"num_threads", "2"},
          {"shuffle_input_sentence", "false"},
          {"minloglevel", "3"}};
}

}  // namespace

void TextSample::add(std::string_view document) {
  // One plain text file may be one document: what is larger than the sample is taken in pieces.
  if (document.size() <= max_bytes_) return add_piece(document);
  const size_t most = std::max<size_t>(max_bytes_ / 64, 16);
  while (!document.empty()) {
    size_t end = std::min(document.size(), most);
    if (end < document.size()) {
      const size_t line = document.rfind('\n', end - 1);
      if (line != std::string_view::npos) end = line + 1;
      while (end > 1 && (static_cast<unsigned char>(document[end]) & 0xC0) == 0x80) --end;
    }
    add_piece(document.substr(0, end));
    document.remove_prefix(end);
  }
}

void TextSample::add_piece(std::string_view document) {
  const uint64_t hash = hash64(document);
  if (bytes_ >= max_bytes_ && hash >= kept_.rbegin()->first) return;
  kept_.emplace(hash, document);
  bytes_ += document.size();
  // The sample is the documents of smallest hash whose sizes first reach the limit.
  while (kept_.size() > 1 && bytes_ - kept_.rbegin()->second.size() >= max_bytes_) {
    bytes_ -= kept_.rbegin()->second.size();
    kept_.erase(std::prev(kept_.end()));
  }
}

std::string sentencepiece_settings(int64_t vocab_size) {
  const auto values = settings(vocab_size);
  std::string text = fmt::format("sample {} in pieces score step {}\n", TextSample::kDefaultBytes, kScoreStep);
  for (const auto& [key, value] : std::map<std::string, std::string>(values.begin(), values.end()))
    text += key + "=" + value + "\n";
  return text;
}

std::string train_sentencepiece(const TextSample& sample, int64_t vocab_size) {
  Sentences sentences(sample);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings(vocab_size), &sentences, &model);
  if (!status.ok()) throw training_error(vocab_size, status.message());
  round_scores(model, kScoreStep);
  return model;
}

}  // namespace espalier
