#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/app/tier_figures.h"
#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"
#include "core/base/text.h"
#include "core/run/data.h"

namespace espalier {
namespace {

using nlohmann::json;

// What was left out, by reason; a reason that did not occur is not told.
std::vector<std::pair<const char*, uint64_t>> left_out(const ShardTotals& totals) {
  std::vector<std::pair<const char*, uint64_t>> out;
  for (const auto& [name, count] : {std::pair{"duplicates", totals.duplicates},
                                    {"in_validation", totals.in_validation},
                                    {"empty", totals.empty},
                                    {"invalid_utf8", totals.invalid},
                                    {"filtered", totals.filtered}})
    if (count > 0) out.emplace_back(name, count);
  return out;
}

double bytes_per_token(const ShardTotals& totals) {
  return static_cast<double>(totals.bytes) / static_cast<double>(totals.tokens);
}

json to_json(const PreparedData& data) {
  json sources = json::array(), tiers = json::array();
  for (const auto& source : data.sources) {
    const ShardTotals& totals = source.train_totals;
    json item = {{"name", source.name},
                 {"documents", totals.documents},
                 {"tokens", totals.tokens},
                 {"bytes", totals.bytes},
                 {"bytes_per_token", bytes_per_token(totals)},
                 {"shard", source.train.path()},
                 {"shards", source.train.num_files()},
                 {"left_out", json::object()}};
    for (const auto& [reason, count] : left_out(totals)) item["left_out"][reason] = count;
    if (totals.repaired > 0) item["repaired"] = totals.repaired;
    if (!totals.languages.empty()) item["languages"] = totals.languages;
    if (!totals.licenses.empty()) item["licenses"] = totals.licenses;
    if (source.val) {
      item["val_tokens"] = source.val_totals.tokens;
      item["val_documents"] = source.val_totals.documents;
      item["val_bytes"] = source.val_totals.bytes;
    }
    sources.push_back(std::move(item));
  }
  for (const auto& tier : data.tiers) tiers.push_back(tier_json(tier));
  return {{"sources", sources}, {"tiers", tiers}};
}

// The ten labels with the most documents.
std::string labels_text(const char* what, const std::map<std::string, uint64_t>& labels) {
  if (labels.empty()) return "";
  std::vector<std::pair<std::string, uint64_t>> sorted(labels.begin(), labels.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  constexpr size_t kMost = 10;
  std::string out = fmt::format("  {}:", what);
  for (size_t i = 0; i < std::min(sorted.size(), kMost); ++i)
    out += fmt::format("{} {} {}", i == 0 ? "" : ",", sorted[i].first.empty() ? "(none)" : sorted[i].first,
                       with_commas(static_cast<int64_t>(sorted[i].second)));
  if (sorted.size() > kMost) out += fmt::format(", and {} more", sorted.size() - kMost);
  return out + "\n";
}

std::string to_text(const PreparedData& data) {
  std::string out = fmt::format("{:<16} {:>10} {:>14} {:>14} {:>8} {:>9} {:>12}\n", "source", "documents", "tokens",
                                "bytes", "bytes/t", "val docs", "val tokens");
  for (const auto& source : data.sources) {
    const ShardTotals& totals = source.train_totals;
    out += fmt::format("{:<16} {:>10} {:>14} {:>14} {:>8.2f} {:>9} {:>12}\n", source.name,
                       with_commas(static_cast<int64_t>(totals.documents)),
                       with_commas(static_cast<int64_t>(totals.tokens)),
                       with_commas(static_cast<int64_t>(totals.bytes)), bytes_per_token(totals),
                       source.val ? with_commas(static_cast<int64_t>(source.val_totals.documents)) : "-",
                       source.val ? with_commas(static_cast<int64_t>(source.val_totals.tokens)) : "-");
  }
  for (const auto& source : data.sources) {
    const ShardTotals& totals = source.train_totals;
    std::string notes;
    for (const auto& [reason, count] : left_out(totals))
      notes += fmt::format("  left out, {}: {}\n", reason, with_commas(static_cast<int64_t>(count)));
    if (totals.repaired > 0)
      notes += fmt::format("  repaired: {}\n", with_commas(static_cast<int64_t>(totals.repaired)));
    notes += labels_text("languages", totals.languages) + labels_text("licences", totals.licenses);
    if (!notes.empty()) out += fmt::format("\n{}\n{}", source.name, notes);
  }
  if (data.tiers.size() < 2) return out;
  out += fmt::format("\n{:<16} {:>10} {:>12} {:>12} {:>12} {:>12}\n", "tier", "documents", "tokens", "mean score",
                     "lowest", "highest");
  for (size_t i = 0; i < data.tiers.size(); ++i) {
    const Tier& tier = data.tiers[i];
    out += fmt::format("{:<16} {:>10} {:>12} {}\n", i, with_commas(static_cast<int64_t>(tier.documents)),
                       with_commas(static_cast<int64_t>(tier.tokens)), tier_figures_text(tier));
  }
  return out;
}

}  // namespace

void add_data_prepare(Command data) {
  struct Arguments {
    ConfigOptions options;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command prepare = data.add_verb("prepare", "Tokenize, score and cache the data of a configuration, then list it");
  args->options.add(prepare, /*with_config=*/true);
  prepare.add_flag("--json", args->json, "Print JSON");
  prepare.on_chosen([=] {
    // No stop signals are caught: one ends the process at once, and the next call goes on from its whole shards.
    const RunConfig config = load_run_config(args->options.config, args->options.sets);
    const RunData made = make_data(config, open_plugins(config, args->options.plugin_paths));
    output() << (args->json ? dump_json(to_json(*made.prepared), 2) + "\n" : to_text(*made.prepared));
    return 0;
  });
}

}  // namespace espalier
