#include "core/data/difficulty/tier_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/data/difficulty/tier_file.h"
#include "core/data/shards/shard_set_writer.h"

namespace espalier {
namespace {

constexpr size_t kMaxTiers = 255;

bool scored(const DifficultyConfig& config) {
  return !config.plugin.plugin.empty();
}

// The key whose value decides where the tiers lie.
std::string key_of(const DifficultyConfig& config) {
  if (config.tier_by == "quantile") return config.quantiles.empty() ? "difficulty.tiers" : "difficulty.quantiles";
  if (config.tier_by == "threshold") return "difficulty.thresholds";
  if (config.tier_by == "label") return "difficulty.tier_labels";
  return config.tier_by == "file" ? "difficulty.tier_file" : "difficulty.tier_by";
}

void check_rising(const std::vector<double>& values, const std::string& key, const Places& places) {
  for (size_t i = 1; i < values.size(); ++i)
    if (!(values[i] > values[i - 1]))
      throw Error(ErrorCode::config, fmt::format("the numbers must rise: {} follows {}", values[i], values[i - 1]),
                  places.of(key), "write them from the smallest to the largest, each once");
  if (values.size() >= kMaxTiers) throw Error(ErrorCode::config, "more than 254 cuts", places.of(key));
}

void check_source_tiers(const std::vector<SourceConfig>& sources, const Places& places) {
  DifficultyConfig by_source;
  by_source.tier_by = "source";
  std::vector<bool> seen(static_cast<size_t>(num_tiers(by_source, sources)), false);
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto& source = sources[i];
    if (source.tier < 0)
      throw Error(ErrorCode::config,
                  fmt::format("tier_by = \"source\" needs a tier for every source; \"{}\" has none", source.name),
                  places.of(fmt::format("data.sources[{}].name", i)), "add `tier = 0` (the easiest) or higher");
    seen[static_cast<size_t>(source.tier)] = true;
  }
  const auto gap = std::find(seen.begin(), seen.end(), false);
  if (gap != seen.end())
    throw Error(ErrorCode::config, fmt::format("no source has tier {}", gap - seen.begin()),
                places.of("difficulty.tier_by"), "number the tiers from 0 without gaps");
}

void check_label_tiers(const DifficultyConfig& config, const std::vector<SourceConfig>& sources, const Places& places) {
  const auto& labels = config.tier_labels;
  if (labels.empty() || labels.size() > kMaxTiers)
    throw Error(ErrorCode::config, "tier_by = \"label\" needs 1 to 255 tier_labels", places.of("difficulty.tier_by"),
                "list the labels, the easiest first");
  for (size_t i = 0; i < labels.size(); ++i)
    if (std::find(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i), labels[i]) !=
        labels.begin() + static_cast<std::ptrdiff_t>(i))
      throw Error(ErrorCode::config, fmt::format("the label \"{}\" stands twice", labels[i]),
                  places.of("difficulty.tier_labels"), "each label is one tier");
  for (size_t i = 0; i < sources.size(); ++i)
    if (sources[i].label_field.empty())
      throw Error(
          ErrorCode::config,
          fmt::format("tier_by = \"label\" needs a label_field for every source; \"{}\" has none", sources[i].name),
          places.of(fmt::format("data.sources[{}].name", i)), "name the key that holds the label");
}

std::vector<std::vector<uint8_t>> tiers_of_labels(const std::vector<ScoredShard>& shards,
                                                  const DifficultySetup& setup) {
  const auto& labels = setup.config.tier_labels;
  std::vector<std::vector<uint8_t>> tiers;
  for (const auto& shard : shards) {
    tiers.emplace_back();
    for (const std::string& label : read_labels(shard.stem)) {
      const auto found = std::find(labels.begin(), labels.end(), label);
      if (found == labels.end())
        throw Error(ErrorCode::data,
                    fmt::format("document {} of source \"{}\" has the label \"{}\", which is not one of tier_labels",
                                tiers.back().size(), shard.source, label),
                    setup.places.of("difficulty.tier_labels"), "add the label, or filter such documents out");
      tiers.back().push_back(static_cast<uint8_t>(found - labels.begin()));
    }
    if (tiers.back().size() != shard.shard->num_documents())
      throw Error(ErrorCode::data, "the labels do not fit the token shard", shard.stem.string(),
                  "delete the files of this name in data.cache_dir; they are made again");
  }
  return tiers;
}

}  // namespace

int64_t num_tiers(const DifficultyConfig& config, const std::vector<SourceConfig>& sources) {
  if (config.tier_by == "source") {
    int64_t highest = 0;
    for (const auto& source : sources) highest = std::max(highest, source.tier);
    return highest + 1;
  }
  if (config.tier_by == "file") return config.tiers;
  if (config.tier_by == "label") return static_cast<int64_t>(config.tier_labels.size());
  if (!scored(config)) return 1;
  if (config.tier_by == "threshold") return static_cast<int64_t>(config.thresholds.size()) + 1;
  return config.quantiles.empty() ? config.tiers : static_cast<int64_t>(config.quantiles.size()) + 1;
}

void check(const DifficultyConfig& config, const std::vector<SourceConfig>& sources, const Places& places) {
  const auto only_with = [&](bool given, const char* key, const char* rule) {
    if (given && config.tier_by != rule)
      throw Error(ErrorCode::config, fmt::format("is used with tier_by = \"{}\" only", rule),
                  places.of(fmt::format("difficulty.{}", key)), fmt::format("set difficulty.tier_by = \"{}\"", rule));
  };
  only_with(!config.quantiles.empty(), "quantiles", "quantile");
  only_with(!config.thresholds.empty(), "thresholds", "threshold");
  only_with(!config.tier_file.empty(), "tier_file", "file");
  only_with(!config.tier_labels.empty(), "tier_labels", "label");
  if (config.tier_by == "threshold" && (config.thresholds.empty() || !scored(config)))
    throw Error(ErrorCode::config, "tier_by = \"threshold\" needs a scorer (plugin) and thresholds",
                places.of("difficulty.tier_by"), "`espalier data inspect` shows how the scores lie");
  if (config.tier_by == "file" && config.tier_file.empty())
    throw Error(ErrorCode::config, "tier_by = \"file\" needs tier_file", places.of("difficulty.tier_by"));
  if (!config.quantiles.empty() && !scored(config))
    throw Error(ErrorCode::config, "quantiles need a scorer (plugin)", places.of("difficulty.quantiles"));
  if (!config.quantiles.empty() && (config.quantiles.front() <= 0 || config.quantiles.back() >= 1))
    throw Error(ErrorCode::config, "quantiles lie between 0 and 1", places.of("difficulty.quantiles"));
  check_rising(config.quantiles, "difficulty.quantiles", places);
  check_rising(config.thresholds, "difficulty.thresholds", places);
  if (config.tier_by == "source") check_source_tiers(sources, places);
  if (config.tier_by == "label") check_label_tiers(config, sources, places);
}

ScoringOptions scoring_options(const DifficultySetup& setup) {
  return {setup.config.threads, setup.config.max_unscored, setup.inputs};
}

TierSplit split_scored(const std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, const DifficultySetup& setup,
                       const std::vector<SourceConfig>& sources, bool empty_tiers) {
  const DifficultyConfig& config = setup.config;
  const int64_t count = num_tiers(config, sources);
  TierSplit split;
  if (config.tier_by == "threshold") {
    split = split_at_scores(shards, config.thresholds);
  } else if (config.tier_by == "source") {
    std::vector<std::vector<uint8_t>> tiers;
    for (size_t s = 0; s < shards.size(); ++s)
      tiers.emplace_back(shards[s].shard->num_documents(), static_cast<uint8_t>(sources[s].tier));
    split = split_as_given(shards, std::move(tiers), count);
  } else if (config.tier_by == "label") {
    split = split_as_given(shards, tiers_of_labels(shards, setup), count);
  } else if (config.tier_by == "file") {
    split = split_as_given(shards, read_tier_file(config.tier_file, shards, tokenizer, count), count);
  } else if (!config.quantiles.empty()) {
    split = split_at_quantiles(shards, config.quantiles);
  } else {
    return split_into_tiers(shards, count);
  }
  for (size_t t = 0; t < split.tiers.size() && !empty_tiers; ++t)
    if (split.tiers[t].documents == 0)
      throw Error(ErrorCode::config, fmt::format("tier {} of {} has no documents", t, split.tiers.size()),
                  setup.places.of(key_of(config)), "`espalier data inspect` shows how the scores lie");
  return split;
}

TierSplit make_tiers(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, const DifficultySetup& setup,
                     const std::vector<SourceConfig>& sources) {
  if (setup.scorer != nullptr) score_shards(shards, tokenizer, *setup.scorer, scoring_options(setup));
  return split_scored(shards, tokenizer, setup, sources);
}

}  // namespace espalier
