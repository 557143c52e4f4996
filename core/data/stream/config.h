// [data] as a whole: what is prepared, and how samples are drawn of it.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/fields.h"
#include "core/data/prepare/config.h"
#include "core/data/stream/block_place.h"

namespace espalier {

// "concat" or "best-fit". Throws Error(config) for any other text.
Packing parse_packing(const std::string& text, const std::string& place);
const char* name_of(Packing packing);

// [data.quality]: what each growth stage trained on, reported at its end, and bounds on it.
struct QualityConfig {
  bool report = false;
  std::string words;                         // a file
  double max_duplicates = 0, max_drift = 0;  // 0 = no bound
  double max_listed_words = 0, max_personal_data = 0;

  void fields(Fields& f);
};

struct DataConfig : PrepareConfig {
  int64_t prefetch = 4;
  std::string packing = "concat";
  int64_t block_tokens = 0;
  bool document_mask = false, restart_positions = false;
  QualityConfig quality;

  void fields(Fields& f);
};

// Throws Error(config).
void check(const DataConfig& config);

}  // namespace espalier
