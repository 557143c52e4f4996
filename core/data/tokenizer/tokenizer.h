// Text to token ids and back. Every tokenizer here is lossless: decode(encode(text)) == text for any UTF-8 text. (One
// exception: a byte-level BPE with add_prefix_space gives a text without a space in front back with one, as Hugging
// Face's does.)
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// Text of the token that ends a document, in every tokenizer made here.
inline constexpr std::string_view kEndOfText = "<|endoftext|>";

// Encodes for one thread; it may remember words. Must not outlive its tokenizer.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends the ids of `text` (UTF-8) to `ids`; no end-of-text token is added.
  virtual void encode(std::string_view text, std::vector<int32_t>& ids) = 0;
};

// Immutable; const calls may run on any thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual int32_t vocab_size() const = 0;
  // The id that ends a document; plain text never gives it.
  virtual int32_t eos() const = 0;
  virtual std::unique_ptr<Encoder> make_encoder() const = 0;
  // The bytes that a token stands for; empty for special tokens. `id` in [0, vocab_size).
  virtual std::string_view bytes(int32_t id) const = 0;
  // 64 hexadecimal digits; equal fingerprints give equal ids for every text.
  virtual std::string fingerprint() const = 0;
  // Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json (and tokenizer.model for SentencePiece) into
  // an existing folder; transformers' AutoTokenizer reads it and gives the same ids. Throws Error(data).
  virtual void save_hf(const std::filesystem::path& folder) const = 0;

  std::vector<int32_t> encode(std::string_view text) const;
  // The bytes of the tokens, joined. Sampled ids may give bytes that are not UTF-8. U+FFFD stands for an id outside of
  // the vocabulary: the embedding of a model may have more rows than there are tokens.
  virtual std::string decode(std::span<const int32_t> ids) const;
  int64_t byte_length(int32_t id) const { return static_cast<int64_t>(bytes(id).size()); }
};

// Reads a folder that save_hf wrote or another Hugging Face folder with a byte-level BPE, a tokenizer.json, a
// SentencePiece .model file, or a tiktoken rank file. `pattern` is for rank files only ("gpt2", "cl100k", "o200k");
// known ones need none. Throws Error(data) when it is missing, damaged or of a kind that is not supported,
// Error(config) for the pattern.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path, const std::string& pattern = "");

}  // namespace espalier
