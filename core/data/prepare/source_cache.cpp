#include "core/data/prepare/source_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/open_file.h"
#include "core/base/text.h"
#include "core/data/shards/in_place.h"
#include "core/data/shards/shard_set_writer.h"
#include "core/data/shards/shard_sums.h"

namespace espalier {
namespace {

constexpr int kShardFormat = 1;
constexpr size_t kKeyDigits = 16;  // of the hash, in file names

fs::path idx_of(fs::path bin) {
  return bin.replace_extension(".idx");
}

std::vector<fs::path> paths_of(const std::vector<SourceFile>& files) {
  std::vector<fs::path> paths;
  for (const auto& file : files) paths.push_back(file.path);
  return paths;
}

void log_totals(const CachedShards& shards, const SourceConfig& source, Split split, const char* how) {
  const ShardTotals& totals = shards.totals;
  std::string left_out;
  const std::pair<const char*, uint64_t> counts[] = {{"duplicates", totals.duplicates},
                                                     {"in validation", totals.in_validation},
                                                     {"empty", totals.empty},
                                                     {"not UTF-8", totals.invalid},
                                                     {"by language or licence", totals.filtered}};
  for (const auto& [name, count] : counts)
    if (count > 0) left_out += fmt::format("{}{} {}", left_out.empty() ? "; left out: " : ", ", count, name);
  log_info("{} {} ({}): {} documents, {} tokens, {:.2f} bytes a token{}", how, source.name, name_of(split),
           with_commas(static_cast<int64_t>(totals.documents)), with_commas(static_cast<int64_t>(totals.tokens)),
           static_cast<double>(totals.bytes) / static_cast<double>(totals.tokens), left_out);
}

}  // namespace

bool has_val(const SourceConfig& source) {
  return !source.val.empty() || source.val_fraction > 0 || source.val_documents > 0;
}

CachedShards SourceCache::shards(const SourceConfig& source, Split split) {
  const auto files = source_files(config_, source, split, &tokenizer_);
  const DocumentOptions reading = reading_of(config_, source, files);
  std::string parts = fmt::format("shard {}\n{}\n{}\n", kShardFormat, tokenizer_.fingerprint(), source.text_field);
  parts += choice_key(config_, source);
  if (source.val.empty() && has_val(source)) parts += fmt::format("split {}\n", name_of(split));
  if (config_.dedup == "exact") parts += "dedup exact\n" + before_;
  std::vector<fs::path> to_hash = paths_of(files);
  // The documents of a Megatron shard are bounded by its index.
  for (const auto& file : files)
    if (file.format == FileFormat::megatron) to_hash.push_back(idx_of(file.path));
  hashes_.add(to_hash);
  for (const auto& file : files) {
    parts += hashes_.sha256(file.path) + reading_key(file, reading) + "\n";
    if (file.format == FileFormat::megatron) parts += hashes_.sha256(idx_of(file.path)) + "\n";
  }
  hashes_.save();
  CachedShards shards;
  shards.key = sha256_bytes(parts);
  shards.stem = fs::path(config_.cache_dir) /
                fmt::format("{}.{}.{}", source.name, name_of(split), shards.key.substr(0, kKeyDigits));
  auto manifest = read_manifest(shards.stem);
  if (!manifest) {
    make(shards, source, split, files);
  } else {
    shards.totals = manifest->totals;
    if (manifest->in_place) {
      shards.bins = paths_of(files);  // the same as then, but they may have moved
      shards.in_place = true;
    } else {
      for (uint64_t i = 0; i < manifest->num_shards; ++i)
        shards.bins.push_back(shard_stem(shards.stem, i).string() + ".bin");
    }
    if (config_.dedup == "exact")
      for (uint64_t i = 0; i < manifest->num_shards; ++i) unread_.emplace_back(split, shard_stem(shards.stem, i));
  }
  before_ += shards.key + "\n";
  return shards;
}

void SourceCache::make(CachedShards& shards, const SourceConfig& source, Split split,
                       const std::vector<SourceFile>& files) {
  if (use_in_place(shards, source, files)) return log_totals(shards, source, split, "using");
  TokenizeTask task;
  task.files = files;
  task.reading = reading_of(config_, source, files);
  // Validation text in files of its own is taken as it is.
  if (split == Split::train || source.val.empty()) task.filter = make_filter(config_, source, files, hashes_);
  task.filter.split = split;
  task.split = split;
  task.seen = seen();
  task.stem = shards.stem;
  task.source = source.name;
  task.shard_tokens = static_cast<uint64_t>(config_.shard_tokens);
  const TokenizedShards made = tokenize_files(task, tokenizer_);
  shards.totals = made.totals;
  for (uint64_t i = 0; i < made.num_shards; ++i) shards.bins.push_back(shard_stem(shards.stem, i).string() + ".bin");
  write_manifest(shards.stem, {made.totals, made.num_shards, false, tokenizer_.fingerprint(), shards.key});
  log_totals(shards, source, split, "tokenized");
}

bool SourceCache::use_in_place(CachedShards& shards, const SourceConfig& source, const std::vector<SourceFile>& files) {
  const bool as_it_is = config_.dedup == "none" && source.val_fraction == 0 && source.val_documents == 0 &&
                        source.languages.empty() && source.licenses.empty() && source.label_field.empty();
  const bool megatron = std::all_of(files.begin(), files.end(),
                                    [](const SourceFile& file) { return file.format == FileFormat::megatron; });
  if (!as_it_is || !megatron) return false;
  const std::vector<fs::path> bins = paths_of(files);
  const fs::path index = shards.stem.string() + ".index";
  const auto totals = totals_if_usable(TokenShard::open_indexed(bins, index), tokenizer_);
  if (!totals) {
    std::error_code ignored;
    fs::remove(index, ignored);
    return false;
  }
  shards.bins = bins;
  shards.totals = *totals;
  // The user's files stay as they are; what they are is written down in the cache.
  std::vector<ShardSums> sums;
  for (const auto& bin : bins) sums.push_back(sum_shard(bin));
  write_sums(shards.stem, sums);
  shards.in_place = true;
  write_manifest(shards.stem, {*totals, files.size(), true, tokenizer_.fingerprint(), shards.key});
  return true;
}

SeenDocuments* SourceCache::seen() {
  if (config_.dedup != "exact") return nullptr;
  for (const auto& [split, stem] : unread_) read_hashes(stem, split == Split::train ? seen_.train : seen_.val);
  unread_.clear();
  return &seen_;
}

TokenShard SourceCache::open(const CachedShards& shards) const {
  ShardChecks checks;
  checks.vocab_size = tokenizer_.vocab_size();
  if (shards.in_place) {
    checks.sums = read_sums(shards.stem, shards.bins.size());
  } else {
    for (uint64_t i = 0; i < shards.bins.size(); ++i) checks.sums.push_back(read_sums(shard_stem(shards.stem, i)));
  }
  TokenShard opened = TokenShard::open_indexed(shards.bins, shards.stem.string() + ".index", std::move(checks));
  if (shards.totals.documents > 0 &&
      (opened.num_documents() != shards.totals.documents || opened.num_tokens() != shards.totals.tokens))
    throw Error(ErrorCode::data, "the cached token shard does not fit its description", opened.path(),
                "delete the files of this name in data.cache_dir; they are made again");
  return opened;
}

}  // namespace espalier
