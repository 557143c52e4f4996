#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/app/inspection.h"
#include "core/app/tier_figures.h"
#include "core/base/json.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

std::string count(uint64_t value) {
  return with_commas(static_cast<int64_t>(value));
}

std::string bar(uint64_t value, uint64_t most, size_t width) {
  if (most == 0) return {};
  const double eighths = static_cast<double>(value) / static_cast<double>(most) * static_cast<double>(width) * 8;
  const auto whole = static_cast<size_t>(eighths) / 8, rest = static_cast<size_t>(eighths) % 8;
  constexpr std::array<const char*, 8> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string out;
  for (size_t i = 0; i < whole; ++i) out += "█";
  out += kParts[rest];
  return out.empty() && value > 0 ? "▏" : out;
}

// A histogram in one line.
std::string strip(const std::vector<uint64_t>& bins) {
  constexpr std::array<const char*, 9> kHeights{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const uint64_t most = *std::max_element(bins.begin(), bins.end());
  std::string out;
  for (const uint64_t bin : bins)
    out += kHeights[most == 0 ? 0 : (bin * 8 + most - 1) / most];  // what is there is seen
  return out;
}

std::string histogram_text(const ScorerInspection& scorer) {
  if (scorer.all.unscored == scorer.all.documents) return "  no document has a score\n";
  std::string out;
  const auto& bins = scorer.all.histogram;
  const uint64_t most = *std::max_element(bins.begin(), bins.end());
  const double width = (scorer.range.high - scorer.range.low) / static_cast<double>(bins.size());
  for (size_t i = 0; i < bins.size(); ++i)
    out += fmt::format("  {:>12.5g} {:>10}  {}\n", scorer.range.low + width * static_cast<double>(i), count(bins[i]),
                       bar(bins[i], most, 40));
  return out;
}

std::string sources_text(const ScorerInspection& scorer, const std::vector<std::string>& names) {
  std::string out = fmt::format("  {:<16} {:>10} {:>9} {:>10} {:>10} {:>10} {:>10}  {}\n", "source", "documents",
                                "unscored", "mean", "10 %", "median", "90 %", "histogram");
  const auto line = [&](const std::string& name, const ScoreSummary& of) {
    const auto score = [](double value) { return figure("{:.4g}", value); };
    out += fmt::format("  {:<16} {:>10} {:>9} {:>10} {:>10} {:>10} {:>10}  {}\n", name, count(of.documents),
                       count(of.unscored), score(of.mean), score(of.deciles[1]), score(of.deciles[5]),
                       score(of.deciles[9]), strip(of.histogram));
  };
  for (size_t s = 0; s < names.size(); ++s) line(names[s], scorer.sources[s]);
  if (names.size() > 1) line("all", scorer.all);
  return out;
}

std::string tiers_text(const std::vector<Tier>& tiers) {
  std::string out = fmt::format("  {:<16} {:>10} {:>14} {:>12} {:>12} {:>12}\n", "tier", "documents", "tokens", "mean",
                                "lowest", "highest");
  for (size_t t = 0; t < tiers.size(); ++t)
    out += fmt::format("  {:<16} {:>10} {:>14} {}\n", t, count(tiers[t].documents), count(tiers[t].tokens),
                       tier_figures_text(tiers[t]));
  return out;
}

std::string correlation_text(const Inspection& inspection) {
  std::string out = "rank correlation of the scorers (Spearman)\n";
  for (size_t a = 0; a < inspection.scorers.size(); ++a) {
    out += fmt::format("  {:<28}", inspection.scorers[a].name);
    for (size_t b = 0; b <= a; ++b) out += fmt::format(" {:>7}", figure("{:.3f}", inspection.correlation[a][b]));
    out += "\n";
  }
  return out;
}

json tiers_json(const std::vector<Tier>& tiers) {
  json out = json::array();
  for (const auto& tier : tiers) out.push_back(tier_json(tier));
  return out;
}

json summary_json(const ScoreSummary& summary) {
  return {{"documents", summary.documents},
          {"unscored", summary.unscored},
          {"mean", summary.mean},
          {"deciles", summary.deciles},
          {"histogram", summary.histogram}};
}

}  // namespace

std::string to_text(const Inspection& inspection) {
  std::string out;
  for (const auto& scorer : inspection.scorers) {
    out += fmt::format("{}: {} documents, {} without a score\n\n", scorer.name, count(scorer.all.documents),
                       count(scorer.all.unscored));
    out += histogram_text(scorer) + "\n" + sources_text(scorer, inspection.sources) + "\n" + tiers_text(scorer.tiers);
    out += "\n  from the easiest to the hardest document, by tenths\n";
    for (const auto& example : scorer.examples)
      out += fmt::format("  {:>10.4g}  {} {} ({} tokens): {}\n", example.at.score, inspection.sources[example.at.shard],
                         example.at.document, count(example.tokens), example.excerpt);
    out += "\n";
  }
  if (!inspection.unscored_tiers.empty()) out += tiers_text(inspection.unscored_tiers);
  if (inspection.scorers.size() > 1) out += correlation_text(inspection);
  return out;
}

json to_json(const Inspection& inspection) {
  json scorers = json::array();
  for (const auto& scorer : inspection.scorers) {
    json sources = json::object(), examples = json::array();
    for (size_t s = 0; s < inspection.sources.size(); ++s)
      sources[inspection.sources[s]] = summary_json(scorer.sources[s]);
    for (const auto& example : scorer.examples)
      examples.push_back({{"score", example.at.score},
                          {"source", inspection.sources[example.at.shard]},
                          {"document", example.at.document},
                          {"hash", example.hash},
                          {"tokens", example.tokens},
                          {"excerpt", example.excerpt}});
    scorers.push_back({{"scorer", scorer.name},
                       {"histogram_low", scorer.range.low},
                       {"histogram_high", scorer.range.high},
                       {"all", summary_json(scorer.all)},
                       {"sources", sources},
                       {"tiers", tiers_json(scorer.tiers)},
                       {"examples", examples}});
  }
  json correlation = json::array();
  for (const auto& row : inspection.correlation) {
    correlation.push_back(json::array());
    for (const double value : row) correlation.back().push_back(std::isnan(value) ? json() : json(value));
  }
  json out{{"scorers", scorers}, {"spearman", correlation}};
  if (!inspection.unscored_tiers.empty()) out["tiers"] = tiers_json(inspection.unscored_tiers);
  return out;
}

}  // namespace espalier
