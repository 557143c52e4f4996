#include "core/report/metrics.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/open_file.h"

namespace espalier {
namespace {

using nlohmann::json;

// Nothing when the key has no number; every number of JSON is finite, and exact below 2^53.
std::optional<double> number_of(const json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::map<std::string, double> values_of(const json& row) {
  std::map<std::string, double> out;
  for (const auto& [name, value] : row.items())
    if (value.is_number() && name.find('/') != std::string::npos) out[name] = value.get<double>();
  return out;
}

// The position of a row of metrics.jsonl. Nothing when the line is not one.
struct RowPosition {
  double step = 0, stage = 0;
  std::optional<double> seconds;
  std::map<std::string, double> values;
};
std::optional<RowPosition> position_of(const std::string& line) {
  const auto row = parse_json_object(line);
  if (!row) return std::nullopt;
  const auto step = number_of(*row, "step");
  const auto stage = row->contains("growth/stage") ? number_of(*row, "growth/stage") : 0.0;
  if (!step || !stage) return std::nullopt;
  return RowPosition{*step, *stage, number_of(*row, "seconds"), values_of(*row)};
}

fs::path metrics_of(const fs::path& run_dir) {
  return run_dir / "metrics.jsonl";
}

}  // namespace

void sync_metrics(const fs::path& run_dir) {
  if (path_exists(metrics_of(run_dir))) fsync_path(metrics_of(run_dir), ErrorCode::checkpoint);
}

MetricsWriter::MetricsWriter(const fs::path& run_dir, int64_t resume_step, int64_t resume_stage, bool tensorboard)
    : path_(metrics_of(run_dir)), resume_step_(resume_step) {
  if (std::error_code ignored; fs::exists(path_, ignored)) {
    std::string kept;
    std::istringstream old(read_file(path_, ErrorCode::config));
    int64_t number = 0, damaged = 0, first_damaged = 0;
    for (std::string line; std::getline(old, line);) {
      ++number;
      const auto position = position_of(line);
      if (!position) {
        const bool torn = old.eof();  // the last line of a process that was killed while it wrote
        if (!torn && damaged++ == 0) first_damaged = number;
        continue;
      }
      if (position->step > static_cast<double>(resume_step) || position->stage > static_cast<double>(resume_stage))
        continue;
      kept += line + "\n";
      seconds_before_ = position->seconds.value_or(seconds_before_);
      if (position->step == static_cast<double>(resume_step)) at_resume_.push_back(position->values);
    }
    if (damaged > 0)
      log_warning("{}: {} lines are not rows of metrics (the first is line {}); they are dropped", path_.string(),
                  damaged, first_damaged);
    write_file_atomic(path_, kept, ErrorCode::config);
  }
  file_.emplace(path_, ErrorCode::config, FileWriter::Begin::at_end);
  fsync_path(run_dir, ErrorCode::config);  // its name
  if (tensorboard) events_ = std::make_unique<EventWriter>(run_dir / "tb");
}

void MetricsWriter::write(MetricsRow row) {
  std::erase_if(row.values, [](const auto& item) { return !std::isfinite(item.second); });
  // A process that was ended before it could save has written it.
  if (row.step == resume_step_ && std::find(at_resume_.begin(), at_resume_.end(), row.values) != at_resume_.end())
    return;
  json out = {{"step", row.step}, {"tokens", row.tokens}, {"flops", row.flops}, {"seconds", row.seconds}};
  for (const auto& [name, value] : row.values) out[name] = value;
  try {
    file_->write(out.dump() + "\n");
  } catch (const Error& error) {
    throw Error(ErrorCode::checkpoint, error.message(), error.place(), error.hint());
  }
  if (events_) events_->write(row);
}

}  // namespace espalier
