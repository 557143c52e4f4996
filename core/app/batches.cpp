#include "core/app/batches.h"

#include <ATen/ATen.h>

#include <numeric>

namespace espalier {

Batch to_batch(const std::vector<int32_t>& tokens, int64_t rows, at::Device device) {
  const auto width = static_cast<int64_t>(tokens.size()) / rows;
  const at::Tensor all =
      at::from_blob(const_cast<int32_t*>(tokens.data()), {rows, width}, at::kInt).to(device, at::kLong);
  return {all.narrow(1, 0, width - 1), all.narrow(1, 1, width - 1)};
}

LoaderBatches::LoaderBatches(DataLoader& loader, const PreparedData& data, at::Device device)
    : loader_(loader), data_(data), device_(device), rows_by_source_(data.sources.size(), 0) {}

void LoaderBatches::set_weights(const MixtureWeights& weights) {
  loader_.set_weights({weights.sources, data_.tiers.size() > 1 ? weights.tiers : std::vector<double>{}});
}

bool LoaderBatches::next(Batch& batch) {
  TokenBatch tokens;
  if (!loader_.next(tokens)) return false;
  for (const RowOrigin& row : tokens.rows) ++rows_by_source_[static_cast<size_t>(row.source)];
  batch = to_batch(tokens.tokens, static_cast<int64_t>(tokens.rows.size()), device_);
  return true;
}

std::map<std::string, double> LoaderBatches::take_fractions() {
  const auto total = static_cast<double>(std::accumulate(rows_by_source_.begin(), rows_by_source_.end(), int64_t{0}));
  std::map<std::string, double> out;
  for (size_t i = 0; i < rows_by_source_.size(); ++i) {
    if (total > 0) out[data_.sources[i].name] = static_cast<double>(rows_by_source_[i]) / total;
    rows_by_source_[i] = 0;
  }
  return out;
}

double LoaderBatches::wait_seconds() {
  return waited_ += loader_.take_wait_seconds();
}

std::vector<SourceEvaluation> evaluate_sets(const std::vector<ValSet>& sets, const ModelSpec& spec,
                                            const ParamTable& params, ComputeType compute, at::Device device) {
  std::vector<SourceEvaluation> out;
  for (const ValSet& set : sets) {
    SourceEvaluation item{set.source(), {}};
    for (int64_t i = 0; i < set.num_batches(); ++i) {
      const ValBatch val = set.batch(i);
      const Batch batch = to_batch(val.tokens, val.rows, device);
      item.result.add(evaluate_batch(spec, params, batch.tokens, batch.targets, compute));
      item.result.bytes += val.bytes;
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace espalier
