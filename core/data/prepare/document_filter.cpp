#include "core/data/prepare/document_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/open_file.h"
#include "core/base/rng.h"
#include "core/data/prepare/source_files.h"
#include "core/data/text/file_hashes.h"

namespace espalier {
namespace {

uint64_t value_of(const ContentHash& hash, uint64_t seed) {
  return mix64(hash.high, mix64(seed, hash64("data.held_out")));
}

// One above the largest of the `count` smallest values.
uint64_t find_bound(const SourceConfig& source, const DocumentFilter& filter, const DocumentOptions& reading,
                    const std::vector<SourceFile>& files, uint64_t count) {
  log_info("choosing {} documents of {} for validation", count, source.name);
  std::priority_queue<uint64_t> smallest;
  for (const auto& file : files) {
    DocumentOptions of_file = reading;
    of_file.format = file.format;
    const auto reader = open_documents(file.path, of_file);
    for (std::string text; reader->next(text);) {
      if (!filter.takes(reader->labels())) continue;
      const uint64_t value = value_of(content_hash(text), filter.seed);
      if (smallest.size() == count && value >= smallest.top()) continue;
      smallest.push(value);
      if (smallest.size() > count) smallest.pop();
    }
  }
  if (smallest.size() < count)
    throw Error(ErrorCode::data,
                fmt::format("source \"{}\" has {} documents, fewer than val_documents = {}", source.name,
                            smallest.size(), count),
                "data.sources",
                "lower val_documents; of plain text that is one document val_fraction holds out the last part");
  return smallest.top() + 1;
}

bool listed(const std::vector<std::string>& values, const std::string& value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool DocumentFilter::takes(const DocumentLabels& labels) const {
  return listed(languages, labels.language) && listed(licenses, labels.license);
}

bool DocumentFilter::takes(const ContentHash& hash, HoldOut hold_out) const {
  if (!holds_out) return true;
  const bool held = hold_out == HoldOut::by_content ? value_of(hash, seed) < bound : hold_out == HoldOut::always;
  return held == (split == Split::val);
}

std::string choice_key(const PrepareConfig& config, const SourceConfig& source) {
  std::string key;
  if (config.invalid_utf8 != "error") key += "invalid_utf8 " + config.invalid_utf8 + "\n";
  if (config.missing_text != "error") key += "missing_text " + config.missing_text + "\n";
  if (!source.language_field.empty()) key += "language_field " + source.language_field + "\n";
  if (!source.license_field.empty()) key += "license_field " + source.license_field + "\n";
  if (!source.label_field.empty()) key += "label_field " + source.label_field + "\n";
  for (const auto& language : source.languages) key += "language " + language + "\n";
  for (const auto& license : source.licenses) key += "license " + license + "\n";
  if (source.val_fraction > 0) key += fmt::format("val_fraction {} seed {}\n", source.val_fraction, config.val_seed);
  if (source.val_documents > 0) key += fmt::format("val_documents {} seed {}\n", source.val_documents, config.val_seed);
  return key;
}

DocumentFilter make_filter(const PrepareConfig& config, const SourceConfig& source,
                           const std::vector<SourceFile>& files, FileHashes& hashes) {
  DocumentFilter filter;
  filter.languages = source.languages;
  filter.licenses = source.licenses;
  filter.seed = static_cast<uint64_t>(config.val_seed);
  filter.holds_out = source.val_fraction > 0 || source.val_documents > 0;
  if (source.val_fraction > 0) filter.bound = static_cast<uint64_t>(std::ldexp(source.val_fraction, 64));
  if (source.val_documents == 0) return filter;

  std::string parts = choice_key(config, source) + source.text_field + "\n";
  const DocumentOptions reading = reading_of(config, source, files);
  for (const auto& file : files) {
    if (is_tokens(file.format))
      throw Error(ErrorCode::config,
                  fmt::format("val_documents of source \"{}\" needs text, not token shards", source.name),
                  "data.sources", "use val_fraction or val");
    parts += hashes.sha256(file.path) + reading_key(file, reading) + "\n";
  }
  const fs::path known =
      fs::path(config.cache_dir) / fmt::format("{}.held-out.{}.json", source.name, sha256_bytes(parts).substr(0, 16));
  if (path_exists(known)) {
    const auto read = open_sealed_json(read_file(known, ErrorCode::data));
    if (read && read->contains("bound") && (*read)["bound"].is_number_unsigned()) {
      filter.bound = (*read)["bound"];
      return filter;
    }
  }
  filter.bound = find_bound(source, filter, reading, files, static_cast<uint64_t>(source.val_documents));
  write_file_atomic(known, sealed_json({{"bound", filter.bound}}), ErrorCode::data);
  return filter;
}

}  // namespace espalier
