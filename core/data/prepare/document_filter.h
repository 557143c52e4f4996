// Which documents of a source's files belong to one of its splits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/prepare/config.h"
#include "core/data/text/content_hash.h"
#include "core/data/text/document_reader.h"

namespace espalier {

class FileHashes;
struct SourceFile;

enum class Split { train, val };
inline const char* name_of(Split split) {
  return split == Split::train ? "train" : "val";
}

struct DocumentFilter {
  std::vector<std::string> languages, licenses;  // empty: all
  // Documents held out for validation: those whose value, a hash of content and seed, is below the bound. So the choice
  // does not change when files are added, and documents of equal text stay together.
  bool holds_out = false;
  Split split = Split::train;
  uint64_t seed = 0, bound = 0;

  bool takes(const DocumentLabels& labels) const;
  bool takes(const ContentHash& hash, HoldOut hold_out) const;
};

// The part of a cache key that says what was read and chosen; empty with the defaults.
std::string choice_key(const PrepareConfig& config, const SourceConfig& source);

// For val_documents the files are read once to find the bound, which is then kept in the cache folder.
// Throws Error(data).
DocumentFilter make_filter(const PrepareConfig& config, const SourceConfig& source,
                           const std::vector<SourceFile>& files, FileHashes& hashes);

}  // namespace espalier
