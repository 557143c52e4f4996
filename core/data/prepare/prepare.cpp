#include "core/data/prepare/prepare.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/data/difficulty/scoring.h"
#include "core/data/prepare/cache_file.h"
#include "core/data/prepare/cache_lock.h"
#include "core/data/prepare/document_filter.h"
#include "core/data/prepare/source_cache.h"
#include "core/data/prepare/source_files.h"
#include "core/data/text/document_reader.h"
#include "core/data/text/file_hashes.h"
#include "core/data/tokenizer/bpe_json.h"
#include "core/data/tokenizer/bpe_training.h"
#include "core/data/tokenizer/byte_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_training.h"

namespace espalier {
namespace {

constexpr size_t kKeyDigits = 16;  // of the hash, in file names

std::unique_ptr<Tokenizer> trained_tokenizer(const PrepareConfig& config) {
  const fs::path cache = config.cache_dir;
  const CacheLock lock(cache);
  FileHashes hashes(cache);
  struct Text {
    const SourceConfig* source;
    std::vector<SourceFile> files;
  };
  std::vector<Text> texts;
  const bool bpe = config.tokenizer == "bpe";
  std::string parts = bpe ? bpe_settings(config.vocab_size) : sentencepiece_settings(config.vocab_size);
  for (const auto& source : config.sources) {
    parts += choice_key(config, source);
    texts.push_back({&source, source_files(config, source, Split::train, nullptr)});
    const DocumentOptions reading = reading_of(config, source, texts.back().files);
    for (const auto& file : texts.back().files)
      parts += hashes.sha256(file.path) + reading_key(file, reading) + " " + source.text_field + "\n";
  }
  hashes.save();
  const auto key = sha256_bytes(parts).substr(0, kKeyDigits);
  const fs::path file = cache / fmt::format("tokenizer.{}.{}", key, bpe ? "json" : "model");
  const auto load = [&](std::string bytes) {
    return bpe ? load_tokenizer(file) : make_sentencepiece(std::move(bytes), file.string());
  };
  if (auto known = read_cache_file(file)) return load(std::move(*known));

  TextSample sample;
  for (const auto& [source, files] : texts) {
    const DocumentFilter filter = make_filter(config, *source, files, hashes);
    DocumentOptions reading = reading_of(config, *source, files);
    for (const auto& [path, format, compressed] : files) {
      reading.format = format;
      const auto reader = open_documents(path, reading);
      for (std::string text; reader->next(text);)
        if (filter.takes(reader->labels()) &&
            (!filter.holds_out || filter.takes(content_hash(text), reader->hold_out())))
          sample.add(text);
    }
  }
  log_info("training a {} tokenizer of {} pieces on {}B of text", bpe ? "BPE" : "SentencePiece", config.vocab_size,
           human_count(static_cast<double>(sample.bytes())));
  const std::string model = bpe ? bpe_tokenizer_json(train_bpe(sample, config.vocab_size)).dump(1)
                                : train_sentencepiece(sample, config.vocab_size);
  write_cache_file(file, model);
  auto tokenizer = load(model);
  if (tokenizer->vocab_size() != config.vocab_size)
    log_warning("the text supports {} pieces only, not {}", tokenizer->vocab_size(), config.vocab_size);
  return tokenizer;
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(const PrepareConfig& config) {
  check(config);
  if (config.tokenizer == "byte") return make_byte_tokenizer();
  if (config.tokenizer == "sentencepiece" || config.tokenizer == "bpe") return trained_tokenizer(config);
  return load_tokenizer(config.tokenizer, config.tokenizer_pattern);
}

PreparedData prepare_sources(const PrepareConfig& config, const Tokenizer& tokenizer, DifficultyScorer* scorer,
                             int64_t num_tiers) {
  DifficultySetup difficulty;
  difficulty.scorer = scorer;
  difficulty.config.plugin.plugin = scorer == nullptr ? "" : scorer->name();
  difficulty.config.tiers = num_tiers;
  difficulty.config.max_unscored = 1;
  return prepare_sources(config, tokenizer, difficulty);
}

PreparedData prepare_sources(const PrepareConfig& config, const Tokenizer& tokenizer,
                             const DifficultySetup& difficulty) {
  check(config);
  const fs::path cache = config.cache_dir;
  const CacheLock lock(cache);
  FileHashes hashes(cache);
  SourceCache sources(config, tokenizer, hashes);
  PreparedData data;
  data.eos = tokenizer.eos();
  // Validation text first: what is in it is not trained on when duplicates are removed.
  std::vector<std::optional<CachedShards>> val;
  for (const auto& source : config.sources)
    val.push_back(has_val(source) ? std::optional(sources.shards(source, Split::val)) : std::nullopt);
  std::vector<ScoredShard> shards;
  for (size_t i = 0; i < config.sources.size(); ++i) {
    const auto& source = config.sources[i];
    const auto train = sources.shards(source, Split::train);
    const auto policy =
        parse_exhausted(source.exhausted.empty() ? config.exhausted : source.exhausted, "data.exhausted");
    data.sources.push_back(
        {source.name, source.weight, policy, sources.open(train), train.totals, {}, {}, train.key, {}});
    data.sources.back().train_stem = train.stem;
    shards.push_back({source.name, train.stem, train.key, nullptr, {}});
    if (!val[i]) continue;
    data.sources.back().val = sources.open(*val[i]);
    data.sources.back().val_totals = val[i]->totals;
  }
  for (size_t i = 0; i < shards.size(); ++i) shards[i].shard = &data.sources[i].train;
  TierSplit split = make_tiers(shards, tokenizer, difficulty, config.sources);
  data.tiers = std::move(split.tiers);
  for (size_t i = 0; i < shards.size(); ++i) data.sources[i].tiers = std::move(split.tier_of[i]);
  return data;
}

}  // namespace espalier
