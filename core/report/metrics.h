// Metrics of a run on disk: metrics.jsonl (one object a row) and TensorBoard events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace espalier {

// One row. Every row carries its position on all four axes.
struct MetricsRow {
  int64_t step = 0, tokens = 0;
  double flops = 0, seconds = 0;
  std::map<std::string, double> values;  // "train/loss" -> 3.2; values that are not finite are left out
};

// TensorBoard's event file: TFRecord framing around the Event protocol buffer (tensorflow/core/util/event.proto).
class EventWriter {
 public:
  // Opens tb/events.out.tfevents.<time>.<host> in `dir`. Throws Error(config).
  explicit EventWriter(const std::filesystem::path& dir);
  void write(const MetricsRow& row);

 private:
  void record(const std::string& event);
  std::ofstream file_;
  std::filesystem::path path_;
};

class MetricsWriter {
 public:
  // Appends to run_dir/metrics.jsonl. Rows after `resume_step`, and growth at it beyond `resume_stage`, belong to work
  // that is about to be done again: they are dropped first. A row at that step with the same values as one that is
  // there already is not written again. Throws Error(config) when the folder cannot be written.
  MetricsWriter(const std::filesystem::path& run_dir, int64_t resume_step, int64_t resume_stage, bool tensorboard);
  // In the hands of the system when it returns: nothing is lost when the process ends, the rows since sync_metrics()
  // may be when the power does. Throws Error(checkpoint).
  void write(MetricsRow row);
  // Seconds of training in earlier processes of this run.
  double seconds_before() const { return seconds_before_; }

 private:
  std::filesystem::path path_;
  std::optional<FileWriter> file_;
  std::unique_ptr<EventWriter> events_;
  double seconds_before_ = 0;
  int64_t resume_step_;
  std::vector<std::map<std::string, double>> at_resume_;  // values of the rows that are kept at that step
};

// Makes the rows so far sure. To be called before anything that says their steps are done: they are not written again.
// Throws Error(checkpoint).
void sync_metrics(const std::filesystem::path& run_dir);

// CRC-32C (Castagnoli), as TFRecord uses it.
uint32_t crc32c(const std::string& bytes);

}  // namespace espalier
