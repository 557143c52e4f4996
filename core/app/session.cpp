#include "core/app/session.h"

#include <fmt/format.h>

#include "core/app/mixture.h"
#include "core/app/signals.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/model/flops.h"

namespace espalier {
namespace {

int64_t planned_vocab(const DataConfig& data) {
  if (data.tokenizer == "byte") return 257;
  if (data.tokenizer == "sentencepiece" || data.tokenizer == "bpe") return data.vocab_size;
  return load_tokenizer(data.tokenizer, data.tokenizer_pattern)->vocab_size();
}

void build_data(Session& s, const plugin::PluginSetup& setup) {
  s.tokenizer = make_tokenizer(s.config.data);
  s.scorers = std::make_unique<Scorers>(s.config, *s.registry, setup);
  if (!s.config.difficulty.plugin.plugin.empty()) s.difficulty = s.scorers->make(s.config.difficulty.plugin);
  s.data = std::make_unique<PreparedData>(prepare_sources(
      s.config.data, *s.tokenizer, s.scorers->setup_for(s.difficulty ? s.difficulty->scorer.get() : nullptr)));
}

void log_packing(const TokenStream& stream) {
  const auto packed = stream.packed();
  log_info("best-fit packing: {:.2f}% of the tokens are padding; {} of {} documents are longer than a block and cut",
           100 * (1 - packed.fill), with_commas(static_cast<int64_t>(packed.cut)),
           with_commas(static_cast<int64_t>(packed.documents)));
}

void set_length(Session& s) {
  const auto& training = s.config.training;
  s.length.tokens_per_step = training.tokens_per_step();
  s.length.flops_per_step =
      step_flops(s.final_spec, StepShape::everything(s.final_spec.num_layers), training.tokens_per_step());
  if (s.data) {
    const StreamOptions options{static_cast<uint64_t>(s.config.job.seed),
                                training.seq_len,
                                0,
                                1,
                                s.length.tokens_per_step / training.seq_len,
                                s.config.data.block_tokens,
                                parse_packing(s.config.data.packing, "data.packing")};
    s.stream.emplace(*s.data, options);
    s.length.tokens_per_epoch = s.stream->tokens_per_epoch();
    if (options.packing == Packing::best_fit) log_packing(*s.stream);
  }
  s.total_steps = training.steps.to_steps(s.length, s.config.places.of("training.steps"));
  if (s.total_steps < 1) throw Error(ErrorCode::config, "the run has no steps", s.config.places.of("training.steps"));
  s.length.total_steps = s.total_steps;
}

// Keeps the resolved parameters in the configuration and the plugin's identity in the record.
void note(Session& s, const char* slot, const plugin::PluginIdentity& identity, PluginChoice& choice) {
  choice.plugin = identity.id;
  choice.params = identity.params;
  s.plugins.push_back({slot, identity.id, identity.version, identity.sha256, identity.params_json});
}

void build_decisions(Session& s, const plugin::PluginSetup& setup) {
  auto& schedule = s.config.schedule;
  Progress start;
  start.total_steps = s.total_steps;
  start.total_tokens = s.total_steps * s.length.tokens_per_step;
  start.lr_peak = s.config.optimizer.lr;
  s.decisions.tokens_per_epoch = s.length.tokens_per_epoch;
  s.decisions.num_tiers = num_tiers(s.config.difficulty, s.config.data);

  if (!s.config.growth.plugin.plugin.empty()) {
    s.growth = plugin::make_growth(*s.registry, s.config.growth.plugin, setup);
    s.decisions.strategy = s.growth->strategy.get();
    start.num_stages = s.decisions.strategy->num_stages(s.final_spec);
    note(s, "growth", s.growth->identity, s.config.growth.plugin);
  }
  if (!schedule.growth.plugin.plugin.empty()) {
    s.growth_schedule = plugin::make_schedule(*s.registry, schedule.growth.plugin, setup, {"growth.stage"}, start);
    s.decisions.growth = s.growth_schedule->schedule.get();
    note(s, "schedule.growth", s.growth_schedule->identity, schedule.growth.plugin);
  }
  s.lr_schedule = plugin::make_schedule(*s.registry, schedule.lr.plugin, setup, {"lr"}, start);
  s.decisions.lr = s.lr_schedule->schedule.get();
  note(s, "schedule.lr", s.lr_schedule->identity, schedule.lr.plugin);
  if (!schedule.mixture.plugin.plugin.empty()) {
    s.mixture_schedule =
        make_mixture(*s.registry, schedule.mixture.plugin, setup, start, s.config.data.sources, s.decisions);
    note(s, "schedule.mixture", s.mixture_schedule->identity, schedule.mixture.plugin);
  }
  if (s.difficulty) note(s, "difficulty", s.difficulty->identity, s.config.difficulty.plugin);
}

}  // namespace

int64_t Session::interval_steps(const Duration& interval, const char* key) const {
  if (interval.value == 0) return 0;
  return std::max<int64_t>(1, interval.to_steps(length, config.places.of(key)));
}

std::unique_ptr<Session> build_session(RunConfig config, const std::vector<std::string>& plugin_paths, bool with_data) {
  auto session = std::make_unique<Session>();
  Session& s = *session;
  s.config = std::move(config);
  plugin::RegistryOptions options;
  options.arguments = plugin_paths;
  options.configured = s.config.plugins.paths;
  s.registry = std::make_unique<plugin::Registry>(options);
  plugin::PluginSetup setup;
  setup.seed = static_cast<uint64_t>(s.config.job.seed);
  setup.stop = &stop_flag();

  if (with_data) build_data(s, setup);
  const int64_t vocab = s.tokenizer ? s.tokenizer->vocab_size() : planned_vocab(s.config.data);
  s.final_spec = s.config.model.spec(vocab, s.config.training.seq_len, s.config.places);
  set_length(s);
  setup.run = s.length;
  build_decisions(s, setup);
  s.timeline = make_timeline(s.final_spec, s.config.training, s.total_steps, s.config.optimizer.lr, s.decisions);
  return session;
}

}  // namespace espalier
