#include "core/run/batches.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>

namespace espalier {

namespace {

// Targets behind the text of a row count for nothing.
void ignore_padding(Batch& batch, const std::vector<RowOrigin>& rows) {
  const int64_t seq = batch.targets.size(1);
  std::vector<int64_t> text;
  for (const RowOrigin& row : rows) text.push_back(static_cast<int64_t>(row.tokens) - 1);
  if (std::all_of(text.begin(), text.end(), [&](int64_t count) { return count == seq; })) return;
  const at::Tensor counted = at::tensor(text, at::kLong).unsqueeze(1), places = at::arange(seq, at::kLong);
  batch.targets = batch.targets.masked_fill(places.ge(counted).to(batch.targets.device()), kIgnoredTarget);
  batch.layout.padded = true;
  for (const int64_t count : text) batch.ignored += seq - std::clamp<int64_t>(count, 0, seq);
}

}  // namespace

RowOptions row_options(const DataConfig& config, const PreparedData& data) {
  return {data.eos, config.document_mask, config.restart_positions};
}

Batch to_batch(const std::vector<int32_t>& tokens, int64_t rows, at::Device device, const RowOptions& options) {
  const auto width = static_cast<int64_t>(tokens.size()) / rows;
  const at::Tensor all =
      at::from_blob(const_cast<int32_t*>(tokens.data()), {rows, width}, at::kInt).to(device, at::kLong);
  Batch batch{all.narrow(1, 0, width - 1), all.narrow(1, 1, width - 1)};
  if (options.document_mask)
    batch.layout = {batch.tokens.eq(options.eos).cumsum(1), options.restart_positions, /*padded=*/false};
  return batch;
}

LoaderBatches::LoaderBatches(DataLoader& loader, const PreparedData& data, at::Device device, const RowOptions& rows,
                             StageGates* gates, Comm comm)
    : loader_(loader),
      data_(data),
      device_(device),
      rows_(rows),
      gates_(gates),
      comm_(std::move(comm)),
      position_(loader.state()),
      targets_by_source_(data.sources.size(), 0) {}

void LoaderBatches::set_weights(const MixtureWeights& weights) {
  loader_.set_weights({weights.sources, data_.tiers.size() > 1 ? weights.tiers : std::vector<double>{}});
}

bool LoaderBatches::next(Batch& batch) {
  TokenBatch tokens;
  if (!loader_.next(tokens)) return false;
  for (const RowOrigin& row : tokens.rows)
    targets_by_source_[static_cast<size_t>(row.source)] += std::max<int64_t>(static_cast<int64_t>(row.tokens) - 1, 0);
  batch = to_batch(tokens.tokens, static_cast<int64_t>(tokens.rows.size()), device_, rows_);
  ignore_padding(batch, tokens.rows);
  if (gates_ != nullptr) unfinished_.push_back(std::move(tokens));
  return true;
}

void LoaderBatches::step_done() {
  position_ = loader_.state();
  for (const TokenBatch& batch : unfinished_) gates_->add(batch);
  unfinished_.clear();
}

std::map<std::string, double> LoaderBatches::take_fractions() {
  comm_.sum(targets_by_source_);
  const auto total =
      static_cast<double>(std::accumulate(targets_by_source_.begin(), targets_by_source_.end(), int64_t{0}));
  std::map<std::string, double> out;
  for (size_t i = 0; i < targets_by_source_.size(); ++i) {
    if (total > 0) out[data_.sources[i].name] = static_cast<double>(targets_by_source_[i]) / total;
    targets_by_source_[i] = 0;
  }
  return out;
}

double LoaderBatches::wait_seconds() {
  return comm_.max(waited_ += loader_.take_wait_seconds());
}

std::vector<SourceEvaluation> evaluate_sets(const std::vector<ValSet>& sets, const TrainState& state,
                                            ComputeType compute, at::Device device, const RowOptions& options) {
  std::vector<SourceEvaluation> out;
  for (const ValSet& set : sets) {
    SourceEvaluation item{set.source(), {}};
    for (int64_t i = 0; i < set.num_batches(); ++i) {
      const ValBatch val = set.batch(i);
      const Batch batch = to_batch(val.tokens, val.rows, device, options);
      item.result.add(
          evaluate_batch(state.spec, state.params, state.shape(), batch.tokens, batch.targets, compute, batch.layout));
      item.result.bytes += val.bytes;
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace espalier
