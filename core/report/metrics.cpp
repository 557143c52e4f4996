#include "core/report/metrics.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/file.h"

namespace espalier {

using nlohmann::json;

MetricsWriter::MetricsWriter(const fs::path& run_dir, int64_t resume_step, int64_t resume_stage, bool tensorboard)
    : path_(run_dir / "metrics.jsonl") {
  if (fs::exists(path_)) {
    std::string kept;
    std::istringstream old(read_file(path_, ErrorCode::config));
    for (std::string line; std::getline(old, line);) {
      const json row = json::parse(line, nullptr, false);  // a torn last line is dropped too
      if (!row.is_object() || row.value("step", INT64_MAX) > resume_step) continue;
      if (row.value("growth/stage", int64_t{0}) > resume_stage) continue;
      kept += line + "\n";
      seconds_before_ = row.value("seconds", seconds_before_);
    }
    write_file_atomic(path_, kept, ErrorCode::config);
  }
  file_.open(path_, std::ios::app);
  if (!file_) throw Error(ErrorCode::config, "cannot be opened for writing", path_.string());
  if (tensorboard) events_ = std::make_unique<EventWriter>(run_dir / "tb");
}

void MetricsWriter::write(MetricsRow row) {
  std::erase_if(row.values, [](const auto& item) { return !std::isfinite(item.second); });
  json out = {{"step", row.step}, {"tokens", row.tokens}, {"flops", row.flops}, {"seconds", row.seconds}};
  for (const auto& [name, value] : row.values) out[name] = value;
  file_ << out.dump() << std::endl;
  if (!file_) throw Error(ErrorCode::checkpoint, "cannot be written (is the disk full?)", path_.string());
  if (events_) events_->write(row);
}

}  // namespace espalier
