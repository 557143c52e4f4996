#include "core/run/finish.h"

#include "core/base/figure.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/run/initial_weights.h"
#include "core/run/signals.h"
#include "core/run/validation.h"

namespace espalier {
namespace {

using nlohmann::json;

fs::path marker_of(const fs::path& run_dir) {
  return run_dir / "finished.json";
}

}  // namespace

bool is_finished(const fs::path& run_dir, const TrainState& state) {
  const fs::path path = marker_of(run_dir);
  if (!fs::exists(path)) return false;
  const auto marker = parse_json_object(read_file(path, ErrorCode::config));
  return marker && marker->contains("step") && marker->at("step") == state.step;
}

void unmark_finished(const fs::path& run_dir) {
  std::error_code error;
  fs::remove(marker_of(run_dir), error);
  if (error)
    throw Error(ErrorCode::config, "cannot be removed: " + error.message(), marker_of(run_dir).string(),
                "make the run folder writable");
}

void finish_run(const FinishParts& parts, const TrainState& state) {
  if (!parts.saver->is_saved(state)) parts.saver->save(state);
  const auto& validation = parts.recorder->validate(state);
  if (!validation.empty())
    log_info("final: {} bits per byte; the unigram baseline is {}",
             figure("{:.4f}", total_of(validation).bits_per_byte()),
             figure("{:.4f}", unigram_baseline(*parts.data, *parts.sets)));
  if (state.origin) log_info("{}", format_change_of_loss(*state.origin, validation));
  const Doing doing("writing samples; the last checkpoint is whole");
  write_samples(*parts.config, *parts.data->tokenizer, state, parts.run_dir / "samples.txt", parts.compute);
  parts.recorder->stage_ended(state);
  sync_metrics(parts.run_dir);
  write_file_atomic(marker_of(parts.run_dir), json{{"step", state.step}}.dump() + "\n", ErrorCode::config);
}

}  // namespace espalier
