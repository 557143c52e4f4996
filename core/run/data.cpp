#include "core/run/data.h"

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/run/scorer_plugins.h"

namespace espalier {
namespace {

void log_packing(const TokenStream& stream) {
  const auto packed = stream.packed();
  log_info("best-fit packing: {:.2f}% of the tokens are padding; {} of {} documents are longer than a block and cut",
           100 * (1 - packed.fill), with_commas(static_cast<int64_t>(packed.cut)),
           with_commas(static_cast<int64_t>(packed.documents)));
}

// Whether every step so far held the full batch of today.
bool same_batch(const TrainState& resumed, int64_t tokens_per_step) {
  return resumed.tokens == resumed.step * tokens_per_step;
}

}  // namespace

RunData make_data(const RunConfig& config, const PluginHost& host) {
  RunData data;
  data.tokenizer = make_tokenizer(config.data);
  Scorers scorers(config, *host.registry, host.setup);
  std::optional<plugin::DifficultyPlugin> difficulty;
  if (!config.difficulty.plugin.plugin.empty()) difficulty = scorers.make(config.difficulty.plugin);
  data.prepared = std::make_unique<PreparedData>(prepare_sources(
      config.data, *data.tokenizer, scorers.setup_for(difficulty ? difficulty->scorer.get() : nullptr)));
  if (difficulty) data.plugins.push_back({"difficulty", difficulty->identity});
  for (const auto& identity : scorers.inputs()) data.plugins.push_back({"difficulty.input." + identity.id, identity});
  return data;
}

int64_t planned_vocab_size(const RunConfig& config) {
  const DataConfig& data = config.data;
  if (data.tokenizer == "byte") return 257;
  if (data.tokenizer == "sentencepiece" || data.tokenizer == "bpe") return data.vocab_size;
  return load_tokenizer(data.tokenizer, data.tokenizer_pattern)->vocab_size();
}

TokenStream make_stream(const RunConfig& config, const RunData& data, const Comm& comm, const TrainState* resumed) {
  const TrainingConfig& training = config.training;
  const int64_t tokens_per_step = training.tokens_per_step();
  const bool one_size =
      config.schedule.batch.plugin.plugin.empty() && (resumed == nullptr || same_batch(*resumed, tokens_per_step));
  StreamOptions options;
  options.seed = static_cast<uint64_t>(config.job.seed);
  options.seq_len = training.seq_len;
  options.rank = comm.rank();
  options.world_size = comm.world_size();
  options.samples_per_step = one_size ? tokens_per_step / training.seq_len : 0;
  options.block_tokens = config.data.block_tokens;
  options.packing = parse_packing(config.data.packing, "data.packing");
  TokenStream stream(*data.prepared, options);
  if (options.packing == Packing::best_fit) log_packing(stream);
  return stream;
}

std::string describe(const RunData& data) {
  uint64_t train = 0, val = 0;
  for (const PreparedSource& source : data.prepared->sources) {
    train += source.train.num_tokens();
    if (source.val) val += source.val->num_tokens();
  }
  const auto count = [](uint64_t tokens) { return with_commas(static_cast<int64_t>(tokens)); };
  const size_t sources = data.prepared->sources.size(), tiers = data.prepared->tiers.size();
  return fmt::format("data: {} tokens to train on from {} source{}, {} held out, a vocabulary of {}{}", count(train),
                     sources, sources == 1 ? "" : "s", count(val), with_commas(data.tokenizer->vocab_size()),
                     tiers > 1 ? fmt::format(", in {} tiers of difficulty", tiers) : "");
}

}  // namespace espalier
