// What the data layer asks of a difficulty scorer; the plugin layer implements it over the C ABI.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace espalier {

// A batch of documents as views: document i is text[text_offsets[i], text_offsets[i + 1]), tokens likewise.
struct DocBatch {
  std::span<const uint64_t> ids;  // stable hash of the content
  std::span<const int64_t> text_offsets, token_offsets;
  std::span<const char> text;
  std::span<const int32_t> tokens;
  size_t count() const { return ids.size(); }
};

class DifficultyScorer {
 public:
  virtual ~DifficultyScorer() = default;
  virtual bool needs_tokens() const = 0;
  virtual bool needs_fit() const = 0;
  virtual void fit_batch(const DocBatch& docs) = 0;
  virtual void fit_end() = 0;
  // One number a document, higher = harder; NaN = cannot say. Throws Error(plugin).
  virtual std::vector<float> score(const DocBatch& docs) = 0;
  // Identity for caches and side-cars: id, version, library hash and resolved parameters as one line of JSON.
  virtual std::string fingerprint() const = 0;
};

}  // namespace espalier
