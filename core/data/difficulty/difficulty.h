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
  std::span<const float> inputs{};  // count() x num_inputs, document after document; NaN = that input cannot say
  size_t num_inputs = 0;
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
  // Identity for caches and side-cars: id, version, library hash, resolved parameters and hashes of the files that
  // these name, as one line of JSON.
  virtual std::string fingerprint() const = 0;
  // The id, for messages.
  virtual std::string name() const { return fingerprint(); }

  // The other scores that it wants to see, one text each: a name and perhaps a TOML table of parameters.
  virtual std::vector<std::string> inputs() const { return {}; }
  // Whether score() may run on several threads at once.
  virtual bool concurrent() const { return false; }

  // Fitting in parts. fit_merge() adds what another scorer from another() saw before fit_end().
  virtual bool mergeable() const { return false; }
  // Whether scorers from another() may be used by one thread each, at the same time.
  virtual bool concurrent_parts() const { return false; }
  // The same scorer, not fitted; called by one thread at a time. Only where mergeable().
  virtual std::unique_ptr<DifficultyScorer> another() { return nullptr; }
  virtual std::string fit_state() const { return {}; }
  virtual void fit_merge(const std::string& /*state*/) {}
};

// Makes the scorers that others ask for as inputs: plugins, and columns that the host computes itself.
class InputScorers {
 public:
  virtual ~InputScorers() = default;
  // `input`: see DifficultyScorer::inputs(); `asked_by` names the scorer that asks. Throws Error(config),
  // Error(plugin).
  virtual std::unique_ptr<DifficultyScorer> make(const std::string& input, const std::string& asked_by) = 0;
};

}  // namespace espalier
