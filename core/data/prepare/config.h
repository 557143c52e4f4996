// The [data] and [difficulty] tables. Relative paths are relative to the working directory of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/data/stream/block_place.h"
#include "core/data/text/documents.h"

namespace espalier {

// What happens when every window of a source has been seen once.
enum class ExhaustedPolicy {
  repeat,  // another epoch in another order
  stop,    // the source leaves the mixture; the run ends when none is left
  error,   // Error(data) naming the source
};

// Throws Error(config) for any other text.
ExhaustedPolicy parse_exhausted(const std::string& text, const std::string& place);
// "concat" or "best-fit". Throws Error(config) for any other text.
Packing parse_packing(const std::string& text, const std::string& place);
const char* name_of(Packing packing);

// Throws Error(config) for any other text than error, replace and skip.
InvalidUtf8 parse_invalid_utf8(const std::string& text, const std::string& place);

struct SourceConfig {
  std::string name;
  std::string path;                // a file or a folder
  std::vector<std::string> paths;  // more of them, read after `path`
  std::string val;                 // empty: the source has no validation text
  double weight = 0;               // 0: by its number of tokens
  std::string exhausted;           // empty: as [data]
  std::string format = "auto";
  std::string text_field = "text";
  double val_fraction = 0;    // of the documents, held out for validation instead of `val`
  int64_t val_documents = 0;  // the same by number
  std::string language_field, license_field, label_field;
  std::vector<std::string> languages, licenses;  // empty: all
  int64_t tier = -1;                             // with difficulty.tier_by = "source"; -1: none

  void fields(Fields& f);
};

// What each growth stage trained on, reported at its end, and bounds on it.
struct QualityConfig {
  bool report = false;
  std::string words;                         // a file
  double max_duplicates = 0, max_drift = 0;  // 0 = no bound
  double max_listed_words = 0, max_personal_data = 0;

  void fields(Fields& f);
};

struct DataConfig {
  std::string tokenizer = "sentencepiece";
  std::string tokenizer_pattern;  // of a tiktoken rank file; empty: by the file
  int64_t vocab_size = 4096;
  std::string cache_dir = "runs/cache";
  std::string exhausted = "repeat";
  int64_t prefetch = 4;
  std::string packing = "concat";
  int64_t block_tokens = 0;
  bool document_mask = false, restart_positions = false;
  std::string invalid_utf8 = "error", missing_text = "error", unusable_files = "error";
  int64_t max_document_bytes = int64_t{1} << 30;
  std::string dedup = "none";
  int64_t val_seed = 0;
  int64_t shard_tokens = int64_t{1} << 28;
  std::vector<SourceConfig> sources;
  QualityConfig quality;

  void fields(Fields& f);
};

struct DifficultyConfig {
  PluginChoice plugin;
  int64_t tiers = 4;
  std::string tier_by = "quantile";
  std::vector<double> quantiles, thresholds;
  std::string tier_file;
  std::vector<std::string> tier_labels;
  bool isolate = true;
  double call_timeout = 300;
  double max_unscored = 0.5;
  int64_t threads = 0;

  void fields(Fields& f);
};

// Checks what one key alone cannot: names unique and usable in metric names, weights given for all sources or for none,
// every source with a path, at
// most one kind of validation text. Throws Error(config).
void check(const DataConfig& config);

}  // namespace espalier
