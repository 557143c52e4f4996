#include "core/app/scored_data.h"

#include "core/data/prepare/cache_lock.h"
#include "core/run/signals.h"

namespace espalier {

std::vector<ScoredShard> ScoredData::unscored_shards() const {
  std::vector<ScoredShard> shards;
  for (const auto& source : data.sources)
    shards.push_back({source.name, source.train_stem, source.train_key, &source.train, {}});
  return shards;
}

std::unique_ptr<ScoredData> score_data(RunConfig config, const std::vector<std::string>& plugin_paths,
                                       const std::vector<std::string>& names, bool needed) {
  auto out = std::make_unique<ScoredData>();
  out->config = std::move(config);
  const RunConfig& settings = out->config;
  plugin::RegistryOptions options;
  options.arguments = plugin_paths;
  options.configured = settings.plugins.paths;
  out->registry = std::make_unique<plugin::Registry>(options);
  plugin::PluginSetup setup;
  setup.seed = static_cast<uint64_t>(settings.job.seed);
  setup.stop = &stop_flag();
  out->scorers = std::make_unique<Scorers>(settings, *out->registry, setup);

  for (const auto& name : names) out->scored.push_back({name, parse_input(name, "--scorer"), false, {}, {}});
  if (names.empty() && !settings.difficulty.plugin.plugin.empty())
    out->scored.push_back({settings.difficulty.plugin.plugin, settings.difficulty.plugin, true, {}, {}});
  if (out->scored.empty() && needed)
    throw Error(ErrorCode::config, "no scorer is chosen", settings.places.of("difficulty.plugin"),
                "set difficulty.plugin, or give --scorer NAME; `espalier plugin list` shows what there is");

  out->tokenizer = make_tokenizer(settings.data);
  out->data = prepare_sources(settings.data, *out->tokenizer, nullptr, 1);
  const CacheLock lock(settings.data.cache_dir);
  for (auto& scored : out->scored) {
    const auto made = scored.choice.plugin.starts_with("host.") ? out->scorers->make(scored.name, "--scorer")
                                                                : out->scorers->make(scored.choice).scorer;
    scored.shards = out->unscored_shards();
    scored.report =
        score_shards(scored.shards, *out->tokenizer, *made, scoring_options(out->scorers->setup_for(made.get())));
  }
  return out;
}

}  // namespace espalier
