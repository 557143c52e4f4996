#include <fmt/format.h>

#include <limits>

#include "core/app/scored_data.h"
#include "core/app/verbs.h"
#include "core/base/figure.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

double megabytes_a_second(const ScoringReport& report) {
  // A rate of nothing, where all scores were there already, is no figure.
  return report.seconds > 0 && report.text_bytes > 0 ? static_cast<double>(report.text_bytes) / 1e6 / report.seconds
                                                     : std::numeric_limits<double>::quiet_NaN();
}

json to_json(const ScoredBy& scored) {
  json side_cars = json::array();
  for (const auto& shard : scored.shards)
    side_cars.push_back({{"source", shard.source}, {"path", shard.side_car.string()}});
  const auto& report = scored.report;
  return {{"scorer", scored.name},
          {"documents", report.documents},
          {"unscored", report.unscored},
          {"reused", report.reused},
          {"bytes_scored", report.text_bytes},
          {"seconds", report.seconds},
          {"mb_per_second", megabytes_a_second(report)},
          {"side_cars", side_cars}};
}

std::string to_text(const ScoredBy& scored) {
  const auto& report = scored.report;
  const double share = static_cast<double>(report.unscored) / static_cast<double>(report.documents);
  std::string out = fmt::format("{}: {} documents, {} % without a score, ", scored.name,
                                with_commas(static_cast<int64_t>(report.documents)), figure("{:.2f}", 100 * share));
  if (report.reused == report.documents)
    out += "all from side-cars\n";
  else
    out += fmt::format("{}B scored in {}, {} MB/s\n", human_count(static_cast<double>(report.text_bytes)),
                       human_seconds(report.seconds), figure("{:.1f}", megabytes_a_second(report)));
  for (const auto& shard : scored.shards) out += fmt::format("  {:<16} {}\n", shard.source, shard.side_car.string());
  return out;
}

}  // namespace

void add_data_score(Command data) {
  struct Arguments {
    ConfigOptions options;
    std::vector<std::string> scorers;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = data.add_verb("score", "Score the documents of a configuration and keep the scores");
  args->options.add(verb, /*with_config=*/true);
  add_scorer_option(verb, args->scorers);
  verb.add_flag("--json", args->json, "Print JSON");
  verb.on_chosen([=] {
    const auto scored = score_data(load_run_config(args->options.config, args->options.sets),
                                   args->options.plugin_paths, args->scorers, /*needed=*/true);
    json all = json::array();
    for (const auto& one : scored->scored) {
      if (args->json)
        all.push_back(to_json(one));
      else
        output() << to_text(one);
    }
    if (args->json) output() << dump_json(all, 2) << "\n";
    return 0;
  });
}

}  // namespace espalier
