#include "core/run/validation.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <limits>

#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/data/stream/unigram.h"
#include "core/eval/generate.h"
#include "core/run/batches.h"

namespace espalier {

growth::Probe make_probe(const RunData& data, const std::vector<ValSet>& sets, int64_t seq_len, at::Device device) {
  constexpr int64_t kRows = 4;
  if (!sets.empty()) {
    const ValBatch val = sets.front().batch(0);
    const Batch batch = to_batch(val.tokens, val.rows, device);
    const int64_t rows = std::min(kRows, val.rows);
    return {batch.tokens.narrow(0, 0, rows), batch.targets.narrow(0, 0, rows)};
  }
  const TokenShard& shard = data.prepared->sources.front().train;
  const auto width = std::min<uint64_t>(static_cast<uint64_t>(seq_len) + 1, shard.num_tokens());
  std::vector<int32_t> tokens(width);
  shard.copy(0, tokens);
  const Batch batch = to_batch(tokens, 1, device);
  return {batch.tokens, batch.targets};
}

std::vector<ValSet> validation_sets(const RunConfig& config, const RunData& data) {
  std::vector<ValSet> sets;
  const auto& v = config.validation;
  if (v.batches > 0)
    for (const auto& source : data.prepared->sources)
      if (source.val)
        sets.emplace_back(source.name, *source.val, *data.tokenizer, config.training.seq_len,
                          config.training.micro_batch, v.batches);
  return sets;
}

double unigram_baseline(const RunData& data, const std::vector<ValSet>& sets) {
  std::vector<uint64_t> counts(static_cast<size_t>(data.tokenizer->vocab_size()), 0);
  for (const auto& source : data.prepared->sources) {
    const auto part = count_tokens(source.train, data.tokenizer->vocab_size());
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += part[i];
  }
  double bits = 0, bytes = 0;
  for (const auto& set : sets) {
    double set_bytes = 0;
    for (int64_t i = 0; i < set.num_batches(); ++i) set_bytes += static_cast<double>(set.batch(i).bytes);
    bits += unigram_bits_per_byte(counts, set) * set_bytes;
    bytes += set_bytes;
  }
  return bytes > 0 ? bits / bytes : std::numeric_limits<double>::quiet_NaN();
}

void write_samples(const RunConfig& config, const Tokenizer& tokenizer, const TrainState& state, const fs::path& path,
                   ComputeType compute) {
  const auto& v = config.validation;
  std::string text;
  for (int64_t i = 0; i < v.samples && !v.prompts.empty(); ++i) {
    const std::string& prompt = v.prompts[static_cast<size_t>(i) % v.prompts.size()];
    SampleSettings settings{v.sample_tokens,
                            v.temperature,
                            50,
                            mix64(static_cast<uint64_t>(config.job.seed), static_cast<uint64_t>(i)),
                            {tokenizer.eos()}};
    std::vector<int32_t> ids{tokenizer.eos()};
    const auto encoded = tokenizer.encode(prompt);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
    const auto out = generate(state.spec, state.params, state.shape(), ids, settings, compute);
    text +=
        fmt::format("--- sample {} at step {}\n{}{}\n", i + 1, state.step, prompt, valid_utf8(tokenizer.decode(out)));
  }
  if (text.empty()) return;
  write_file_atomic(path, text, ErrorCode::config);
  log_info("{}", text.substr(0, text.size() - 1));
}

}  // namespace espalier
