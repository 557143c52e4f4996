// The keys of [data] that decide what is prepared of the sources, with those of the tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/data/text/document_reader.h"
#include "core/data/text/source_config.h"
#include "core/data/tokenizer/config.h"

namespace espalier {

// Throws Error(config) for any other text than error, replace and skip.
InvalidUtf8 parse_invalid_utf8(const std::string& text, const std::string& place);

struct PrepareConfig : TokenizerConfig {
  std::string cache_dir = "runs/cache";
  std::string exhausted = "repeat";
  std::string invalid_utf8 = "error", missing_text = "error", unusable_files = "error";
  int64_t max_document_bytes = int64_t{1} << 30;
  std::string dedup = "none";
  int64_t val_seed = 0;
  int64_t shard_tokens = int64_t{1} << 28;
  std::vector<SourceConfig> sources;

  void fields(Fields& f);
};

// With the sources and the tokenizer. Throws Error(config).
void check(const PrepareConfig& config);

}  // namespace espalier
