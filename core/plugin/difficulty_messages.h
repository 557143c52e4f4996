// What goes to and from an isolated scorer.
#pragma once

#include <string>
#include <vector>

#include "core/data/difficulty/difficulty.h"
#include "core/plugin/create_messages.h"

namespace espalier::plugin {

// What the scorer says about itself once it is made.
struct ScorerAnswer {
  PluginIdentity identity;
  std::string fingerprint;
  bool needs_tokens = false, needs_fit = false, concurrent = false, mergeable = false;
  std::vector<std::string> inputs;

  std::string write() const;
  static ScorerAnswer read(const std::string& payload);
};

std::string write_docs(const DocBatch& docs);

// A batch that owns its memory.
struct OwnedDocs {
  explicit OwnedDocs(const std::string& payload);
  DocBatch batch() const;

 private:
  std::vector<uint64_t> ids_;
  std::vector<int64_t> text_offsets_, token_offsets_;
  std::vector<char> text_;
  std::vector<int32_t> tokens_;
  std::vector<float> inputs_;
  uint64_t num_inputs_;
};

}  // namespace espalier::plugin
