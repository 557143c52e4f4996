#include "core/data/scores.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/data/npy.h"

namespace espalier {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;

// Documents of a shard as batches: the text comes from the tokens, which are lossless.
void for_each_batch(const TokenShard& shard, const Tokenizer& tokenizer, bool with_tokens,
                    const std::function<void(const DocBatch&)>& visit) {
  std::vector<uint64_t> ids;
  std::vector<int64_t> text_offsets{0}, token_offsets{0};
  std::string text;
  std::vector<int32_t> tokens, document;
  const auto flush = [&] {
    if (ids.empty()) return;
    visit({ids, text_offsets, with_tokens ? std::span<const int64_t>(token_offsets) : std::span<const int64_t>(), text,
           tokens});
    ids.clear();
    text_offsets = {0};
    token_offsets = {0};
    text.clear();
    tokens.clear();
  };
  for (size_t i = 0; i < shard.num_documents(); ++i) {
    document.resize(shard.length(i));
    shard.copy(shard.offset(i), document);
    document.pop_back();  // the end-of-text token is not part of the text
    const std::string decoded = tokenizer.decode(document);
    ids.push_back(hash64(decoded));
    text += decoded;
    text_offsets.push_back(static_cast<int64_t>(text.size()));
    if (with_tokens) tokens.insert(tokens.end(), document.begin(), document.end());
    token_offsets.push_back(static_cast<int64_t>(tokens.size()));
    if (text.size() >= kBatchBytes) flush();
  }
  flush();
}

std::vector<float> score_shard(const TokenShard& shard, const Tokenizer& tokenizer, DifficultyScorer& scorer) {
  std::vector<float> scores;
  for_each_batch(shard, tokenizer, scorer.needs_tokens(), [&](const DocBatch& docs) {
    const auto batch = scorer.score(docs);
    if (batch.size() != docs.count())
      throw Error(ErrorCode::plugin,
                  fmt::format("the scorer gave {} scores for {} documents", batch.size(), docs.count()),
                  scorer.fingerprint());
    for (const float score : batch)
      if (std::isinf(score)) throw Error(ErrorCode::plugin, "the scorer gave an infinite score", scorer.fingerprint());
    scores.insert(scores.end(), batch.begin(), batch.end());
  });
  return scores;
}

bool read_side_car(const fs::path& npy, ScoredShard& shard) {
  if (!fs::exists(npy) || !fs::exists(npy.string() + ".json")) return false;
  shard.scores = read_npy(npy);
  return shard.scores.size() == shard.shard->num_documents();
}

}  // namespace

void score_shards(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, DifficultyScorer& scorer) {
  const std::string fingerprint = scorer.fingerprint();
  std::string fitted_on;
  if (scorer.needs_fit())
    for (const auto& shard : shards) fitted_on += shard.key + "\n";
  const std::string name = sha256_bytes(fingerprint + "\n" + fitted_on).substr(0, 16);
  const auto side_car = [&](const ScoredShard& shard) {
    return fs::path(fmt::format("{}.{}.npy", shard.stem.string(), name));
  };

  bool all_known = true;
  for (auto& shard : shards) all_known = read_side_car(side_car(shard), shard) && all_known;
  if (all_known) return;

  if (scorer.needs_fit()) {
    log_info("fitting the difficulty scorer");
    for (const auto& shard : shards)
      for_each_batch(*shard.shard, tokenizer, scorer.needs_tokens(),
                     [&](const DocBatch& docs) { scorer.fit_batch(docs); });
    scorer.fit_end();
  }
  log_info("scoring the documents");
  for (auto& shard : shards) {
    if (shard.scores.size() == shard.shard->num_documents()) continue;
    shard.scores = score_shard(*shard.shard, tokenizer, scorer);
    write_npy(side_car(shard), shard.scores);
    auto parsed = nlohmann::json::parse(fingerprint, nullptr, false);
    const nlohmann::json info{{"scorer", parsed.is_discarded() ? nlohmann::json(fingerprint) : parsed},
                              {"shard", shard.key},
                              {"documents", shard.scores.size()}};
    write_file_atomic(side_car(shard).string() + ".json", info.dump(1), ErrorCode::data);
  }
}

}  // namespace espalier
