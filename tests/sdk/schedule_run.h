// Schedule plugins driven step by step.
#pragma once

#include <espalier/cpp/text.hpp>

#include <string>
#include <vector>

#include "sdk/loaded_plugin.h"

namespace espalier::sdk_test {

/// A run of `total_steps` at the start; lr_peak is 1.
inline esp_progress run_start(std::uint64_t total_steps, std::uint32_t num_stages = 1) {
  esp_progress progress{};
  progress.struct_size = sizeof(esp_progress);
  progress.total_steps = total_steps;
  progress.num_stages = num_stages;
  progress.lr_peak = 1;
  return progress;
}

/// A schedule bound to keys in a run.
class BoundSchedule {
 public:
  BoundSchedule(PluginLibrary& library, const FakeConfig::Overrides& params, const esp_progress& start,
                const std::vector<std::string>& keys)
      : object_(library.create(params, start.total_steps)), start_(start), values_(keys.size()) {
    std::vector<esp_str> texts;
    for (const std::string& key : keys) texts.push_back(sdk::str(key));
    call_ok(table().bind, object_.self(), &start_, texts.data(), static_cast<std::uint32_t>(texts.size()));
  }

  const esp_schedule& table() const { return object_.table<esp_schedule>(); }
  const Object& object() const { return object_; }

  std::vector<double> values(const esp_progress& at) {
    call_ok(table().value, object_.self(), &at, values_.data());
    return values_;
  }
  double at_step(std::uint64_t step) {
    esp_progress at = start_;
    at.step = step;
    return values(at)[0];
  }
  std::uint64_t next_change(const esp_progress& at) const {
    std::uint64_t step = 0;
    call_ok(table().next_change, object_.self(), &at, &step);
    return step;
  }
  std::uint64_t next_change(std::uint64_t step) const {
    esp_progress at = start_;
    at.step = step;
    return next_change(at);
  }

 private:
  Object object_;
  esp_progress start_;
  std::vector<double> values_;
};

}  // namespace espalier::sdk_test
