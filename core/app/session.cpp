#include "core/app/session.h"

#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <algorithm>

#include "core/app/mixture.h"
#include "core/app/plugin_records.h"
#include "core/app/resume.h"
#include "core/app/signals.h"
#include "core/base/checked.h"
#include "core/base/home.h"
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
  if (s.difficulty) s.difficulty->scorer.reset();  // its processes, and what they were fitted to
}

void log_packing(const TokenStream& stream) {
  const auto packed = stream.packed();
  log_info("best-fit packing: {:.2f}% of the tokens are padding; {} of {} documents are longer than a block and cut",
           100 * (1 - packed.fill), with_commas(static_cast<int64_t>(packed.cut)),
           with_commas(static_cast<int64_t>(packed.documents)));
}

// Keeps the resolved parameters in the configuration and the plugin's identity in the record.
void note(Session& s, const char* slot, const plugin::PluginIdentity& identity, PluginChoice& choice) {
  choice.plugin = identity.id;
  choice.params = identity.params;
  s.plugins.push_back(record_of(slot, identity));
}

// What the command line named goes into the kept configuration, before the rest as it was searched.
void keep_plugin_paths(std::vector<std::string>& kept, const std::vector<std::string>& arguments) {
  std::vector<std::string> all;
  for (const auto* paths : {&arguments, static_cast<const std::vector<std::string>*>(&kept)})
    for (const std::string& path : *paths)
      if (const std::string absolute = absolute_path(path); std::find(all.begin(), all.end(), absolute) == all.end())
        all.push_back(absolute);
  kept = std::move(all);
}

Progress at_start(const Session& s) {
  Progress start;
  start.total_steps = s.total_steps;
  start.total_tokens = s.decisions.sizes.tokens_before(s.total_steps);
  start.lr_peak = s.config.optimizer.lr;
  return start;
}

bool same_batch(const TrainState& resumed, const RunLength& now) {
  return resumed.tokens == resumed.step * now.tokens_per_step;
}

void set_total_steps(Session& s) {
  s.length.total_steps = 0;  // the run's own length is no part of itself
  s.total_steps = s.config.training.steps.to_steps(s.length, s.config.places.of("training.steps"));
  if (s.total_steps < 1) throw Error(ErrorCode::config, "the run has no steps", s.config.places.of("training.steps"));
  if (!product_of_counts({s.total_steps, s.length.tokens_per_step}))
    throw Error(
        ErrorCode::config,
        fmt::format("a run of {} steps of {} tokens is more than 2^53 tokens", s.total_steps, s.length.tokens_per_step),
        s.config.places.of("training.steps"), "make it shorter, or training.global_batch smaller");
  s.length.total_steps = s.total_steps;
}

// A run that is given in tokens has more steps the longer its batch takes to grow, and a ramp that is a part of the run
// takes the longer the more steps that has: from the shortest run upwards until both agree.
void plan_batch(Session& s, plugin::PluginSetup setup) {
  constexpr int kAttempts = 100;
  const PluginChoice& choice = s.config.schedule.batch.plugin;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int64_t assumed = s.total_steps;
    setup.run = s.length;
    setup.run.rates = s.trained.full_rates(s.length.tokens_per_step);
    s.batch_schedule = plugin::make_schedule(*s.registry, choice, setup, {"batch.sequences"}, at_start(s));
    s.decisions.sizes = plan_step_sizes(s.config.training, {s.batch_schedule->schedule.get(), choice.place}, {},
                                        at_start(s), s.trained);
    s.length.rates = s.decisions.sizes.rates();
    set_total_steps(s);
    if (s.total_steps == assumed) return;
  }
  throw Error(ErrorCode::config, "the length of the run and of its batch ramp do not settle", choice.place,
              "give training.steps or the ramp in steps");
}

// What every step holds, those behind as they were, and with that how many there are.
void plan_steps(Session& s, plugin::PluginSetup setup) {
  const auto& training = s.config.training;
  PluginChoice &batch = s.config.schedule.batch.plugin, &seq_len = s.config.schedule.seq_len.plugin;
  s.batch_schedule.reset();
  s.decisions.sizes = StepSizes(training, s.trained);
  s.length.rates = s.decisions.sizes.rates();
  set_total_steps(s);
  if (!batch.plugin.empty()) plan_batch(s, setup);
  if (seq_len.plugin.empty()) return;
  setup.run = s.length;
  s.seq_len_schedule = plugin::make_schedule(*s.registry, seq_len, setup, {"seq_len"}, at_start(s));
  Schedule* of_batch = s.batch_schedule ? s.batch_schedule->schedule.get() : nullptr;
  s.decisions.sizes = plan_step_sizes(training, {of_batch, batch.place},
                                      {s.seq_len_schedule->schedule.get(), seq_len.place}, at_start(s), s.trained);
}

// An older checkpoint does not say what its steps held: as this configuration plans them, if that gives its tokens.
void plan_past(Session& s, const TrainState& resumed, const plugin::PluginSetup& setup) {
  s.trained = resumed.trained;
  if (resumed.step == 0 || !s.trained.spans.empty()) return;
  s.trained = {};
  plan_steps(s, setup);
  const bool planned = resumed.step <= s.total_steps && s.decisions.sizes.tokens_before(resumed.step) == resumed.tokens;
  s.trained = planned ? TrainedSteps::as_planned(s.decisions.sizes, resumed.step, s.length.tokens_per_step)
                      : TrainedSteps::evenly(resumed.step, resumed.tokens, s.config.training);
}

void set_length(Session& s, const plugin::PluginSetup& setup, const TrainState* resumed) {
  const auto& training = s.config.training;
  PluginChoice &batch = s.config.schedule.batch.plugin, &seq_len = s.config.schedule.seq_len.plugin;
  s.length.tokens_per_step = training.tokens_per_step();
  s.length.flops_per_step =
      step_flops(s.final_spec, StepShape::everything(s.final_spec.num_layers), training.tokens_per_step());
  if (s.data) {
    const bool one_size = batch.plugin.empty() && (resumed == nullptr || same_batch(*resumed, s.length));
    const int64_t sequences = one_size ? s.length.tokens_per_step / training.seq_len : 0;
    const StreamOptions options{static_cast<uint64_t>(s.config.job.seed),
                                training.seq_len,
                                0,
                                1,
                                sequences,
                                s.config.data.block_tokens,
                                parse_packing(s.config.data.packing, "data.packing")};
    s.stream.emplace(*s.data, options);
    s.length.tokens_per_epoch = s.stream->tokens_per_epoch();
    if (options.packing == Packing::best_fit) log_packing(*s.stream);
  }
  if (resumed != nullptr) plan_past(s, *resumed, setup);
  plan_steps(s, setup);
  if (s.seq_len_schedule) note(s, "schedule.seq_len", s.seq_len_schedule->identity, seq_len);
  if (s.batch_schedule) note(s, "schedule.batch", s.batch_schedule->identity, batch);
}

// What a plugin refuses here depends on numbers that are set elsewhere: the hint says where.
plugin::SchedulePlugin make_growth_schedule(const Session& s, const plugin::PluginSetup& setup, const Progress& start) {
  const PluginChoice& choice = s.config.schedule.growth.plugin;
  try {
    return plugin::make_schedule(*s.registry, choice, setup, {"growth.stage"}, start);
  } catch (const plugin::KeysRefused&) {
    throw;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::config || !error.hint().starts_with("refused by")) throw;
    throw Error(error.code(), error.message(), error.place(),
                fmt::format("{} in a run of {} steps (training.steps) with {} stages (growth.params): change one of "
                            "these, or schedule.growth.params",
                            error.hint(), start.total_steps, start.num_stages));
  }
}

void build_decisions(Session& s, const plugin::PluginSetup& setup) {
  auto& schedule = s.config.schedule;
  Progress start = at_start(s);
  s.decisions.tokens_per_epoch = s.length.tokens_per_epoch;
  s.decisions.num_tiers = num_tiers(s.config.difficulty, s.config.data.sources);

  if (!s.config.growth.plugin.plugin.empty()) {
    s.growth = plugin::make_growth(*s.registry, s.config.growth.plugin, setup);
    s.decisions.strategy = s.growth->strategy.get();
    s.decisions.strategy_place = s.config.growth.plugin.place;
    start.num_stages = s.decisions.strategy->num_stages(s.final_spec);
    note(s, "growth", s.growth->identity, s.config.growth.plugin);
  }
  if (!schedule.growth.plugin.plugin.empty()) {
    s.growth_schedule = make_growth_schedule(s, setup, start);
    s.decisions.growth = s.growth_schedule->schedule.get();
    s.decisions.growth_place = schedule.growth.plugin.place;
    note(s, "schedule.growth", s.growth_schedule->identity, schedule.growth.plugin);
  }
  if (PluginChoice& lr = schedule.lr.plugin; lr.place == kDefaultPlace)
    lr.plugin = fmt::format("{}{}.{}", plugin::kReservedPrefix, plugin::name_of(plugin::Kind::schedule), lr.plugin);
  s.lr_schedule = plugin::make_schedule(*s.registry, schedule.lr.plugin, setup, {"lr"}, start);
  s.decisions.lr = s.lr_schedule->schedule.get();
  note(s, "schedule.lr", s.lr_schedule->identity, schedule.lr.plugin);
  if (!schedule.mixture.plugin.plugin.empty()) {
    s.mixture_schedule =
        make_mixture(*s.registry, schedule.mixture.plugin, setup, start, s.config.data.sources, s.decisions);
    note(s, "schedule.mixture", s.mixture_schedule->identity, schedule.mixture.plugin);
  }
  if (s.difficulty) note(s, "difficulty", s.difficulty->identity, s.config.difficulty.plugin);
  if (!s.scorers) return;
  for (const auto& identity : s.scorers->inputs())
    s.plugins.push_back(record_of("difficulty.input." + identity.id, identity));
}

}  // namespace

int64_t Session::interval_steps(const Duration& interval, const char* key) const {
  if (interval.value == 0) return 0;
  RunLength full = length;
  full.rates.clear();  // a period, not a place in the run: counted in full batches
  return std::max<int64_t>(1, interval.to_steps(full, config.places.of(key)));
}

std::unique_ptr<Session> build_session(RunConfig config, const std::vector<std::string>& plugin_paths, bool with_data,
                                       const Snapshot* resumed) {
  auto session = std::make_unique<Session>();
  Session& s = *session;
  s.config = std::move(config);
  plugin::RegistryOptions options;
  options.arguments = plugin_paths;
  options.configured = s.config.plugins.paths;
  if (resumed != nullptr) options.resumed = origins_of(resumed->plugins);
  s.registry = std::make_unique<plugin::Registry>(options);
  keep_plugin_paths(s.config.plugins.paths, plugin_paths);
  plugin::PluginSetup setup;
  setup.seed = static_cast<uint64_t>(s.config.job.seed);
  setup.stop = &stop_flag();
  if (s.config.plugins.isolate)
    setup.isolate = std::chrono::milliseconds(std::llround(s.config.plugins.call_timeout * 1000));

  if (with_data) build_data(s, setup);
  const int64_t vocab = s.tokenizer ? s.tokenizer->vocab_size() : planned_vocab(s.config.data);
  s.final_spec = s.config.model.spec(vocab, s.config.training.seq_len, s.config.places);
  const TrainState* state = resumed == nullptr ? nullptr : &resumed->state;
  set_length(s, setup, state);
  setup.run = s.length;
  build_decisions(s, setup);
  if (resumed != nullptr) load_planned_state(s, *resumed);
  s.timeline = make_timeline(s.final_spec, s.config.training, s.total_steps, s.config.optimizer.lr, s.decisions, state);
  return session;
}

}  // namespace espalier
