// The data layer's loader as the trainer's source of batches, and held-out batches for validation.
#pragma once

#include <map>

#include "core/data/stream/data_loader.h"
#include "core/data/stream/val_set.h"
#include "core/run/recorder.h"
#include "core/train/trainer.h"

namespace espalier {

// What the model is told of the documents in a row.
struct RowOptions {
  int32_t eos = 0;
  bool document_mask = false, restart_positions = false;
};
RowOptions row_options(const DataConfig& config, const PreparedData& data);

class LoaderBatches final : public BatchSource {
 public:
  // `gates` sees every batch of a finished step; null: nobody does.
  LoaderBatches(DataLoader& loader, const PreparedData& data, at::Device device, const RowOptions& rows = {},
                StageGates* gates = nullptr, Comm comm = {});

  void set_weights(const MixtureWeights& weights) override;
  bool next(Batch& batch) override;
  void step_done() override;
  double epoch() const override { return loader_.epoch(); }

  // The position after the last finished step: what a checkpoint of that step goes on from.
  const StreamState& position() const { return position_; }
  // Share of each source among the targets since the last call, on all ranks, padding left out.
  std::map<std::string, double> take_fractions();
  double wait_seconds();  // since the run began

 private:
  DataLoader& loader_;
  const PreparedData& data_;
  at::Device device_;
  RowOptions rows_;
  StageGates* gates_;
  Comm comm_;
  StreamState position_;
  std::vector<TokenBatch> unfinished_;  // of the step under way, for the gates
  std::vector<int64_t> targets_by_source_;
  double waited_ = 0;
};

// int32 [rows, seq + 1] to inputs and targets, int64 [rows, seq] on the device. An end-of-text token starts the segment
// of the document after it, as it does in generation; so the first token of a document is predicted, too.
Batch to_batch(const std::vector<int32_t>& tokens, int64_t rows, at::Device device, const RowOptions& options = {});

// Loss of every validation set under the model as it stands.
std::vector<SourceEvaluation> evaluate_sets(const std::vector<ValSet>& sets, const TrainState& state,
                                            ComputeType compute, at::Device device, const RowOptions& options = {});

}  // namespace espalier
