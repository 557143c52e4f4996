// A host that trains under a learning-rate schedule and asks a mixture before each step.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/schedule_run.h"

namespace espalier::sdk_test {

using Row = std::vector<double>;

inline std::vector<std::string> tier_keys(std::size_t n) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < n; ++i) keys.push_back("data.tier." + std::to_string(i));
  return keys;
}

/// The step counter, the learning rate and the loss of a run, and the mixture's answers on the way.
class MixtureRun {
 public:
  MixtureRun(PluginLibrary& library, const FakeConfig::Overrides& params, std::uint64_t total,
             const std::vector<std::string>& keys)
      : at_(run_start(total)), schedule_(library, params, at_, keys) {}

  std::function<double(std::uint64_t)> lr = [](std::uint64_t) { return 1.0; };
  std::function<double(std::uint64_t)> loss = [](std::uint64_t) { return 3.0; };
  std::function<std::uint64_t(std::uint64_t)> tokens_of = [](std::uint64_t) { return std::uint64_t{10}; };

  void train_until(std::uint64_t end) {
    while (at_.step < end) {
      const Row row = schedule_.values(at_);
      if (at_.step > 0 && row != before_) changes_.push_back(at_.step);
      before_ = row;
      const double values[] = {loss(at_.step)};
      at_.lr_previous = lr(at_.step);
      at_.tokens += tokens_of(at_.step);
      at_.step += 1;
      const esp_str names[] = {espalier::sdk::str("train/loss")};
      if (schedule_.table().observe != nullptr) {
        call_ok(schedule_.table().observe, schedule_.object().self(), &at_, names, values, 1u);
      }
    }
  }

  /// Steps with another mixture than the step before.
  const std::vector<std::uint64_t>& changes() const { return changes_; }
  Row now() { return schedule_.values(at_); }
  BoundSchedule& schedule() { return schedule_; }
  std::string save() const { return schedule_.object().save(); }
  /// Continues the run of another object from its state.
  void resume(const MixtureRun& other) {
    schedule_.object().load(other.save(), 1);
    at_ = other.at_;
    before_ = other.before_;
    changes_ = other.changes_;
  }

 private:
  esp_progress at_;
  BoundSchedule schedule_;
  Row before_;
  std::vector<std::uint64_t> changes_;
};

}  // namespace espalier::sdk_test
