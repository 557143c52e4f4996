// What the host asks of a scheduler; the plugin layer implements it over the C ABI.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/schedule/progress.h"

namespace espalier {

class Schedule {
 public:
  virtual ~Schedule() = default;
  // The values of the bound keys for the step about to run (progress.step = finished steps). Throws Error(plugin) when
  // the plugin fails or answers a number that is not finite.
  virtual std::vector<double> values(const Progress& progress) = 0;
  double value(const Progress& progress) { return values(progress).front(); }
  // Metrics of the step that just ran, for schedules that react; a no-op for the others.
  virtual void observe(const Progress& progress, const std::vector<std::string>& names,
                       const std::vector<double>& metrics) = 0;
  virtual std::string save_state() = 0;
  virtual void load_state(const std::string& bytes) = 0;
};

}  // namespace espalier
