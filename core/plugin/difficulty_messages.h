// What goes to and from an isolated scorer.
#pragma once

#include <string>
#include <vector>

#include "core/data/difficulty.h"
#include "core/plugin/instance.h"
#include "core/plugin/registry.h"
#include "core/plugin/worker_messages.h"

namespace espalier::plugin {

// A worker's first request: which plugin of which library, with which parameters.
struct ScorerRequest {
  std::string library, sha256;
  PluginChoice choice;
  uint64_t seed = 0;
  RunLength run;

  std::string write() const;
  static ScorerRequest read(const std::string& payload);
};

// The answer: what the scorer says about itself.
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
