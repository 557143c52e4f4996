// A schedule of a few lines: what it says, what it is shown, and the state that it would save.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/schedule/schedule.h"

namespace espalier {

class FakeSchedule : public Schedule {
 public:
  using Values = std::vector<double>;
  using Metrics = std::map<std::string, double>;

  std::function<double(const Progress&)> one = [](const Progress&) { return 1.0; };
  std::function<Values(const Progress&)> many;  // where it fills more than one key
  std::function<void(const Progress&, const Metrics&)> seen = [](const Progress&, const Metrics&) {};
  std::string state;

  FakeSchedule() = default;
  explicit FakeSchedule(double value) : one([value](const Progress&) { return value; }) {}
  explicit FakeSchedule(std::function<double(const Progress&)> f, std::string saved = {})
      : one(std::move(f)), state(std::move(saved)) {}

  Values values(const Progress& progress) override { return many ? many(progress) : Values{one(progress)}; }
  void observe(const Progress& progress, const std::vector<std::string>& names, const Values& metrics) override {
    Metrics by_name;
    for (size_t i = 0; i < names.size(); ++i) by_name[names[i]] = metrics.at(i);
    seen(progress, by_name);
  }
  std::string save_state() override { return state; }
  void load_state(const std::string& bytes) override { state = bytes; }
};

}  // namespace espalier
