#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/app/session.h"
#include "core/app/signals.h"
#include "core/app/verbs.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

json to_json(const PreparedData& data) {
  json sources = json::array(), tiers = json::array();
  for (const auto& source : data.sources) {
    json item = {{"name", source.name},
                 {"documents", source.train_totals.documents},
                 {"tokens", source.train_totals.tokens},
                 {"bytes", source.train_totals.bytes},
                 {"shard", source.train.path()}};
    if (source.val) item["val_tokens"] = source.val_totals.tokens;
    sources.push_back(std::move(item));
  }
  for (const auto& tier : data.tiers)
    tiers.push_back({{"documents", tier.documents},
                     {"tokens", tier.tokens},
                     {"mean_score", tier.mean_score},
                     {"lowest_score", tier.lowest_score},
                     {"highest_score", tier.highest_score}});
  return {{"sources", sources}, {"tiers", tiers}};
}

std::string to_text(const PreparedData& data) {
  std::string out =
      fmt::format("{:<16} {:>10} {:>12} {:>12} {:>12}\n", "source", "documents", "tokens", "bytes", "val tokens");
  for (const auto& source : data.sources)
    out += fmt::format("{:<16} {:>10} {:>12} {:>12} {:>12}\n", source.name,
                       with_commas(static_cast<int64_t>(source.train_totals.documents)),
                       with_commas(static_cast<int64_t>(source.train_totals.tokens)),
                       with_commas(static_cast<int64_t>(source.train_totals.bytes)),
                       source.val ? with_commas(static_cast<int64_t>(source.val_totals.tokens)) : "-");
  if (data.tiers.size() < 2) return out;
  out += fmt::format("\n{:<16} {:>10} {:>12} {:>12} {:>12} {:>12}\n", "tier", "documents", "tokens", "mean score",
                     "lowest", "highest");
  for (size_t i = 0; i < data.tiers.size(); ++i) {
    const Tier& tier = data.tiers[i];
    out += fmt::format(
        "{:<16} {:>10} {:>12} {:>12.4g} {:>12.4g} {:>12.4g}\n", i, with_commas(static_cast<int64_t>(tier.documents)),
        with_commas(static_cast<int64_t>(tier.tokens)), tier.mean_score, tier.lowest_score, tier.highest_score);
  }
  return out;
}

}  // namespace

void add_data_prepare(CLI::App& data, Action& action) {
  struct Arguments {
    ConfigOptions options;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  auto* prepare = data.add_subcommand("prepare", "Tokenize, score and cache the data of a configuration, then list it");
  args->options.add(*prepare, /*with_config=*/true);
  prepare->add_flag("--json", args->json, "Print JSON");
  prepare->callback([=, &action] {
    action = [=] {
      install_stop_signals();
      const auto session =
          build_session(load_run_config(args->options.config, args->options.sets), args->options.plugin_paths,
                        /*with_data=*/true);
      std::cout << (args->json ? to_json(*session->data).dump(2) + "\n" : to_text(*session->data));
      return 0;
    };
  });
}

}  // namespace espalier
