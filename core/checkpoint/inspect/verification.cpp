#include "core/checkpoint/inspect/verification.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/inspect/stored_plan.h"
#include "core/checkpoint/model_files/gates_file.h"
#include "core/checkpoint/model_files/hf_config.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/config/toml_tree.h"

namespace espalier {
namespace {

constexpr auto kCode = ErrorCode::checkpoint;

std::string manifest_text(const fs::path& dir) {
  return read_file(dir / "espalier" / "manifest.json", kCode);
}

std::vector<Error> damaged_files(const fs::path& dir) {
  std::vector<Error> out;
  const Manifest manifest(manifest_text(dir), dir);
  for (const auto& [name, hash] : manifest.files()) {
    try {
      if (sha256_file(dir / name, kCode) != hash)
        out.emplace_back(kCode, "does not match the sha256 in its manifest: the file is damaged",
                         (dir / name).string());
    } catch (const Error& error) {
      out.push_back(error);
    }
  }
  return out;
}

// The rows that a model of rotary positions was trained with may change between two growths; they are no part of it.
bool same_model(ModelSpec a, const ModelSpec& b) {
  if (a.position == Position::rope) a.seq_len = b.seq_len;
  return a == b;
}

class Consistency {
 public:
  Consistency(const fs::path& dir, const TrainState& state) : dir_(dir), state_(state) {}

  std::vector<Error> faults() {
    manifest();
    config();
    lineage();
    moments();
    operators();
    return std::move(faults_);
  }

  // Runs what throws at the first thing that is wrong.
  template <class Check>
  void check(const Check& run) {
    try {
      run();
    } catch (const Error& error) {
      faults_.push_back(error);
    }
  }

 private:
  void fault(const fs::path& file, const std::string& what) { faults_.emplace_back(kCode, what, file.string()); }

  void manifest() {
    const Manifest manifest(manifest_text(dir_), dir_);
    check([&] {
      const int64_t step = manifest.root().integer("step"), count = manifest.root().integer("num_params");
      if (step != state_.step)
        fault(manifest.path(), fmt::format("is of step {}, and state.json of step {}", step, state_.step));
      if (count != num_params(state_.spec))
        fault(manifest.path(),
              fmt::format("says {} parameters, and its architecture has {}", count, num_params(state_.spec)));
    });
  }

  void config() {
    const fs::path file = dir_ / "config.json", toml = dir_ / "espalier" / "config.resolved.toml";
    check([&] {
      const nlohmann::json json = parse_json(read_file(file, kCode), kCode, file.string());
      // Folded gates make another model of the same weights.
      if (!state_.gates && !same_model(spec_from_hf(json, file.string()), state_.spec))
        fault(file, "is of another architecture than the manifest: " +
                        spec_differences(spec_from_hf(json, file.string()), state_.spec));
    });
    check([&] { parse_toml_tree(read_file(toml, kCode), toml.string()); });
  }

  void lineage() {
    const fs::path file = dir_ / "espalier" / "manifest.json";
    for (size_t i = 0; i < state_.lineage.size(); ++i) {
      const GrowthEvent& event = state_.lineage[i];
      const bool last = i + 1 == state_.lineage.size();
      const ModelSpec& next = last ? state_.spec : state_.lineage[i + 1].from;
      if (!same_model(event.to, next))
        fault(file, fmt::format("the growth at step {} does not lead to the model {}: {}", event.step,
                                last ? "of the checkpoint" : "that grows next", spec_differences(next, event.to)));
      const int64_t until = last ? state_.step : state_.lineage[i + 1].step;
      if (event.step < 0 || event.step > until)
        fault(file, fmt::format("the growth at step {} comes after step {}", event.step, until));
      check([&] { stored_plan(event, dir_); });
    }
  }

  void moments() {
    const fs::path file = dir_ / "espalier" / "optimizer.safetensors";
    const SafetensorsFile tensors(file);
    for (const TensorEntry& entry : tensors.entries()) {
      const size_t slash = entry.name.find('/');
      const std::string kind = entry.name.substr(0, slash);
      const bool known = slash != std::string::npos && (kind == "exp_avg" || kind == "exp_avg_sq") &&
                         state_.optim.count(entry.name.substr(slash + 1)) != 0;
      if (!known) fault(file, fmt::format("'{}' is no moment of a parameter that was updated", valid_utf8(entry.name)));
    }
  }

  void operators() {
    if (!state_.operators) return;
    for (const auto& [name, moments] : state_.operators->optim)
      for (const at::Tensor& moment : {moments.exp_avg, moments.exp_avg_sq})
        if (moment.sizes() != state_.operators->leaves.at(name).sizes())
          fault(dir_ / "espalier" / "operators.safetensors",
                fmt::format("a moment of the leaf '{}' has another shape than the leaf", valid_utf8(name)));
  }

  const fs::path& dir_;
  const TrainState& state_;
  std::vector<Error> faults_;
};

}  // namespace

std::vector<Error> damages_of(const fs::path& dir) {
  Snapshot snapshot;
  try {
    snapshot = load_checkpoint(dir);
  } catch (const Error& first) {
    std::vector<Error> files;
    try {
      files = damaged_files(dir);
    } catch (const Error&) {
      // There is no manifest to compare with, as `first` says.
    }
    return files.empty() ? std::vector<Error>{first} : files;
  }
  return Consistency(dir, snapshot.state).faults();
}

}  // namespace espalier
