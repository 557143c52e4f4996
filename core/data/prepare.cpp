#include "core/data/prepare.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/data/bpe_json.h"
#include "core/data/bpe_training.h"
#include "core/data/byte_tokenizer.h"
#include "core/data/cache_lock.h"
#include "core/data/documents.h"
#include "core/data/file_hashes.h"
#include "core/data/scores.h"
#include "core/data/sentencepiece_tokenizer.h"
#include "core/data/sentencepiece_training.h"

namespace espalier {
namespace {

constexpr int kShardFormat = 1;
constexpr size_t kKeyDigits = 16;  // of the hash, in file names

std::vector<fs::path> train_files(const SourceConfig& source) {
  std::vector<fs::path> files;
  std::vector<std::string> paths = source.paths;
  if (!source.path.empty()) paths.insert(paths.begin(), source.path);
  for (const auto& path : paths)
    for (auto& file : list_files(path)) files.push_back(std::move(file));
  return files;
}

struct CachedShard {
  std::string key;
  fs::path stem;
  ShardTotals totals;
};

bool read_totals(const fs::path& stem, ShardTotals& totals) {
  if (!fs::exists(stem.string() + ".idx") || !fs::exists(stem.string() + ".bin") ||
      !fs::exists(stem.string() + ".json"))
    return false;
  const auto info = nlohmann::json::parse(read_file(stem.string() + ".json", ErrorCode::data), nullptr, false);
  if (!info.is_object() || !info.contains("documents") || !info.contains("tokens") || !info.contains("bytes"))
    return false;
  totals = {info["documents"], info["tokens"], info["bytes"]};
  return true;
}

CachedShard cached_shard(const std::vector<fs::path>& files, const SourceConfig& source, const std::string& split,
                         const Tokenizer& tokenizer, const fs::path& cache, FileHashes& hashes) {
  std::string parts = fmt::format("shard {}\n{}\n{}\n", kShardFormat, tokenizer.fingerprint(), source.text_field);
  for (const auto& file : files) {
    parts += hashes.sha256(file) + file.extension().string() + "\n";
    // The documents of a Megatron shard are bounded by its index.
    fs::path idx = file;
    if (is_token_shard(file) && fs::exists(idx.replace_extension(".idx"))) parts += hashes.sha256(idx) + "\n";
  }
  CachedShard shard;
  shard.key = sha256_bytes(parts);
  shard.stem = cache / fmt::format("{}.{}.{}", source.name, split, shard.key.substr(0, kKeyDigits));
  if (read_totals(shard.stem, shard.totals)) return shard;

  shard.totals = tokenize_files(files, source.text_field, tokenizer, shard.stem, source.name);
  const nlohmann::json info{
      {"documents", shard.totals.documents},  {"tokens", shard.totals.tokens}, {"bytes", shard.totals.bytes},
      {"tokenizer", tokenizer.fingerprint()}, {"format", kShardFormat},        {"key", shard.key}};
  write_file_atomic(shard.stem.string() + ".json", info.dump(1), ErrorCode::data);
  log_info("tokenized {} ({}): {} documents, {} tokens, {:.2f} bytes a token", source.name, split,
           with_commas(static_cast<int64_t>(shard.totals.documents)),
           with_commas(static_cast<int64_t>(shard.totals.tokens)),
           static_cast<double>(shard.totals.bytes) / static_cast<double>(shard.totals.tokens));
  return shard;
}

TokenShard open_cached(const CachedShard& shard, int32_t eos) {
  TokenShard opened = TokenShard::open(shard.stem.string() + ".bin", eos);
  if (opened.num_documents() != shard.totals.documents || opened.num_tokens() != shard.totals.tokens)
    throw Error(ErrorCode::data, "the cached token shard does not fit its description", opened.path(),
                "delete the files of this name in data.cache_dir; they are made again");
  return opened;
}

std::unique_ptr<Tokenizer> trained_tokenizer(const DataConfig& config) {
  const fs::path cache = config.cache_dir;
  const CacheLock lock(cache);
  FileHashes hashes(cache);
  std::vector<std::pair<fs::path, std::string>> texts;  // file, text field
  const bool bpe = config.tokenizer == "bpe";
  std::string parts = bpe ? bpe_settings(config.vocab_size) : sentencepiece_settings(config.vocab_size);
  for (const auto& source : config.sources)
    for (const auto& file : train_files(source)) {
      if (is_token_shard(file)) continue;
      parts += hashes.sha256(file) + file.extension().string() + " " + source.text_field + "\n";
      texts.emplace_back(file, source.text_field);
    }
  hashes.save();
  if (texts.empty())
    throw Error(ErrorCode::config, "there is no text to train a tokenizer on: every source is made of token shards",
                "data.tokenizer", "set it to the folder of the tokenizer that made the shards");
  const auto key = sha256_bytes(parts).substr(0, kKeyDigits);
  const fs::path file = cache / fmt::format("tokenizer.{}.{}", key, bpe ? "json" : "model");
  const auto read = [&] {
    return bpe ? load_tokenizer(file) : make_sentencepiece(read_file(file, ErrorCode::data), file.string());
  };
  if (fs::exists(file)) return read();

  TextSample sample;
  for (const auto& [path, field] : texts) {
    const auto reader = open_documents(path, field);
    for (std::string text; reader->next(text);) sample.add(text);
  }
  log_info("training a {} tokenizer of {} pieces on {}B of text", bpe ? "BPE" : "SentencePiece", config.vocab_size,
           human_count(static_cast<double>(sample.bytes())));
  const std::string model = bpe ? bpe_tokenizer_json(train_bpe(sample, config.vocab_size)).dump(1)
                                : train_sentencepiece(sample, config.vocab_size);
  write_file_atomic(file, model, ErrorCode::data);
  auto tokenizer = read();
  if (tokenizer->vocab_size() != config.vocab_size)
    log_warning("the text supports {} pieces only, not {}", tokenizer->vocab_size(), config.vocab_size);
  return tokenizer;
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(const DataConfig& config) {
  check(config);
  if (config.tokenizer == "byte") return make_byte_tokenizer();
  if (config.tokenizer == "sentencepiece" || config.tokenizer == "bpe") return trained_tokenizer(config);
  return load_tokenizer(config.tokenizer, config.tokenizer_pattern);
}

PreparedData prepare_sources(const DataConfig& config, const Tokenizer& tokenizer, DifficultyScorer* scorer,
                             int64_t num_tiers) {
  check(config);
  const fs::path cache = config.cache_dir;
  const CacheLock lock(cache);
  FileHashes hashes(cache);
  PreparedData data;
  data.eos = tokenizer.eos();
  std::vector<ScoredShard> shards;
  for (const auto& source : config.sources) {
    const auto train = cached_shard(train_files(source), source, "train", tokenizer, cache, hashes);
    const auto policy =
        parse_exhausted(source.exhausted.empty() ? config.exhausted : source.exhausted, "data.exhausted");
    data.sources.push_back(
        {source.name, source.weight, policy, open_cached(train, data.eos), train.totals, {}, {}, train.key, {}});
    auto& prepared = data.sources.back();
    shards.push_back({source.name, train.stem, train.key, nullptr, {}});
    if (source.val.empty()) continue;
    const auto val = cached_shard(list_files(source.val), source, "val", tokenizer, cache, hashes);
    prepared.val = open_cached(val, data.eos);
    prepared.val_totals = val.totals;
  }
  hashes.save();
  for (size_t i = 0; i < shards.size(); ++i) shards[i].shard = &data.sources[i].train;
  if (scorer != nullptr) score_shards(shards, tokenizer, *scorer);
  TierSplit split = split_into_tiers(shards, scorer == nullptr ? 1 : num_tiers);
  data.tiers = std::move(split.tiers);
  for (size_t i = 0; i < shards.size(); ++i) data.sources[i].tiers = std::move(split.tier_of[i]);
  return data;
}

}  // namespace espalier
