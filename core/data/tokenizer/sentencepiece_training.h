// Trains a SentencePiece unigram model. The result depends on the texts and the settings only: not on the clock, the
// number of cores or the order in which documents are added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// Collects documents up to a number of bytes. When there are more, a document stays if the hash of its text is below a
// threshold that sinks as needed: a sample that depends on the texts alone.
class TextSample {
 public:
  static constexpr size_t kDefaultBytes = size_t{4} << 20;
  explicit TextSample(size_t max_bytes = kDefaultBytes) : max_bytes_(max_bytes) {}
  void add(std::string_view document);
  // In the order of the hashes.
  const std::multimap<uint64_t, std::string>& documents() const { return kept_; }
  size_t bytes() const { return bytes_; }

 private:
  void add_piece(std::string_view document);

  size_t max_bytes_, bytes_ = 0;
  std::multimap<uint64_t, std::string> kept_;
};

// The settings that shape a model, as text, for cache keys.
std::string sentencepiece_settings(int64_t vocab_size);

// Returns the bytes of a .model file with at most `vocab_size` pieces: <unk> 0, <|endoftext|> 1, the 256 bytes, then
// the learned pieces. Throws Error(data) when there is too little text.
std::string train_sentencepiece(const TextSample& sample, int64_t vocab_size);

}  // namespace espalier
