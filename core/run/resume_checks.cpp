#include "core/run/resume_checks.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/log.h"

namespace espalier {

using nlohmann::json;

std::string tokenizer_of(const Snapshot& snapshot, const fs::path& dir) {
  const json data = own_json(snapshot.data_state);
  return JsonObject(data, ErrorCode::checkpoint, dir.string(), "state.json: data").text("tokenizer");
}

StreamState stream_state_of(const Snapshot& snapshot, const fs::path& dir) {
  const json data = own_json(snapshot.data_state);
  const JsonObject object(data, ErrorCode::checkpoint, dir.string(), "state.json: data");
  try {
    return stream_state_from_json(object.at("stream"));
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), dir.string(), error.hint());
  }
}

void check_resumable(const Snapshot& snapshot, const Tokenizer& tokenizer, const Timeline& timeline,
                     const fs::path& dir) {
  if (tokenizer_of(snapshot, dir) != tokenizer.fingerprint())
    throw Error(ErrorCode::checkpoint, "was trained with another tokenizer than the configuration gives now",
                dir.string(), "put [data].tokenizer and its sources back, or start afresh with --run-dir");
  if (snapshot.state.stage >= static_cast<int64_t>(timeline.stages.size()))
    throw Error(ErrorCode::checkpoint,
                fmt::format("is in growth stage {}, but the configuration has only {}", snapshot.state.stage + 1,
                            timeline.stages.size()),
                dir.string());
  const ModelSpec& expected = timeline.stages[static_cast<size_t>(snapshot.state.stage)].spec;
  ModelSpec saved = snapshot.state.spec;
  // Rotary positions do not tie a model to a length; the data's blocks decide whether it may change.
  if (saved.position == Position::rope) saved.seq_len = expected.seq_len;
  if (saved.seq_len != expected.seq_len)
    throw Error(ErrorCode::checkpoint,
                fmt::format("holds learned positions for seq_len {}, but the configuration has {}", saved.seq_len,
                            expected.seq_len),
                dir.string(), "put training.seq_len back, or start afresh with --run-dir");
  if (!(expected == saved))
    throw Error(ErrorCode::checkpoint,
                fmt::format("holds another model than the configuration has in growth stage {}: {}",
                            snapshot.state.stage + 1, spec_differences(saved, expected)),
                dir.string(), "put [model] and [growth] back, or start afresh with --run-dir");
}

void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const PluginUses& now) {
  for (const auto& old : then)
    for (const auto& [slot, plugin] : now)
      if (slot == old.slot && plugin.sha256 != old.sha256)
        log_warning("{}: {} {} was {} {} when the checkpoint was written", slot, plugin.id, plugin.sha256.substr(0, 12),
                    old.id, old.sha256.substr(0, 12));
}

TrainState to_device(TrainState state, at::Device device) {
  state.params = state.params.transformed([&](const Param& param) { return param.value.to(device); });
  for (auto& [name, moments] : state.optim) {
    moments.exp_avg = moments.exp_avg.to(device);
    moments.exp_avg_sq = moments.exp_avg_sq.to(device);
  }
  if (state.operators) {
    for (auto& [name, leaf] : state.operators->leaves) leaf = leaf.to(device);
    for (auto& [name, moments] : state.operators->optim) {
      moments.exp_avg = moments.exp_avg.to(device);
      moments.exp_avg_sq = moments.exp_avg_sq.to(device);
    }
  }
  return state;
}

}  // namespace espalier
