#include "core/app/inspection.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/data/difficulty/doc_batches.h"

namespace espalier {
namespace {

constexpr size_t kBins = 20;
constexpr size_t kExcerptBytes = 160;

// The beginning of a text on one line.
std::string excerpt_of(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (space && (out.empty() || out.back() == ' ')) continue;
    if (out.size() >= kExcerptBytes && (static_cast<unsigned char>(c) & 0xC0) != 0x80) break;  // whole characters
    out += space ? ' ' : static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return valid_utf8(out);
}

Example example_of(const ScoredDocument& at, const ScoredBy& scored, const Tokenizer& tokenizer) {
  const TokenShard& shard = *scored.shards[at.shard].shard;
  const std::string text = document_text(shard, at.document, tokenizer);
  return {at, shard.length(at.document), sha256_bytes(text).substr(0, 16), excerpt_of(text)};
}

ScorerInspection inspect_scorer(const ScoredBy& scored, const ScoredData& data) {
  ScorerInspection out;
  out.name = scored.name;
  out.range = histogram_range(scored.shards);
  out.all = summarize_scores(scored.shards, out.range, kBins);
  for (const auto& shard : scored.shards) out.sources.push_back(summarize_scores({&shard, 1}, out.range, kBins));
  const auto& settings = data.config.difficulty;
  out.tiers = scored.configured ? split_scored(scored.shards, *data.tokenizer, data.scorers->setup_for(nullptr),
                                               data.config.data.sources,
                                               /*empty_tiers=*/true)
                                      .tiers
                                : split_into_tiers(scored.shards, settings.tiers).tiers;
  for (const auto& at : documents_at_deciles(scored.shards))
    out.examples.push_back(example_of(at, scored, *data.tokenizer));
  return out;
}

}  // namespace

Inspection inspect(const ScoredData& data) {
  Inspection out;
  for (const auto& source : data.data.sources) out.sources.push_back(source.name);
  for (const auto& scored : data.scored) out.scorers.push_back(inspect_scorer(scored, data));
  for (const auto& a : data.scored) {
    out.correlation.emplace_back();
    for (const auto& b : data.scored) out.correlation.back().push_back(spearman(a.shards, b.shards));
  }
  if (data.scored.empty())
    out.unscored_tiers = split_scored(data.unscored_shards(), *data.tokenizer, data.scorers->setup_for(nullptr),
                                      data.config.data.sources, /*empty_tiers=*/true)
                             .tiers;
  return out;
}

}  // namespace espalier
