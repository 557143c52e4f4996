#include "core/plugin/schedule_adapter.h"

#include <espalier/schedule.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cassert>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/plugin/fenced.h"
#include "core/plugin/isolated_schedule.h"
#include "core/plugin/progress.h"
#include "core/plugin/sized.h"

namespace espalier::plugin {
namespace {

std::vector<esp_str> to_abi_list(const std::vector<std::string>& texts) {
  std::vector<esp_str> out;
  for (const std::string& text : texts) out.push_back(to_abi(text));
  return out;
}

class ScheduleAdapter : public Schedule {
 public:
  ScheduleAdapter(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                  std::vector<std::string> keys, const Progress& start)
      : plugin_(registry, Kind::schedule, choice, setup),
        table_(sized_copy<esp_schedule>(plugin_.vtable(), ESPALIER_SIZE_UP_TO(esp_schedule, value), "schedule table",
                                        plugin_.info().id)),
        keys_(std::move(keys)),
        num_stages_(start.num_stages) {
    if (table_.bind == nullptr || table_.value == nullptr)
      throw plugin_.misbehaved("its schedule table lacks bind or value");
    const esp_progress where = to_abi(start);
    const std::vector<esp_str> names = to_abi_list(keys_);
    const std::string what = fmt::format("bind({})", fmt::join(keys_, ", "));
    esp_status status = ESP_OK;
    try {
      plugin_.call_on_settings(what.c_str(), [&](esp_call* call) {
        return status = table_.bind(plugin_.self(), call, &where, names.data(), static_cast<uint32_t>(names.size()));
      });
    } catch (const Error& error) {
      // The plugin is sound; it was chosen for what it does not do.
      if (status == ESP_UNIMPLEMENTED)
        throw KeysRefused(ErrorCode::config, fmt::format("{}: {}", plugin_.info().id, error.message()), choice.place,
                          "choose another schedule; `espalier plugin list` shows them");
      throw;
    }
  }

  const PluginIdentity& identity() const { return plugin_.identity(); }

  std::vector<double> values(const Progress& progress) override {
    const esp_progress where = to_abi(progress);
    Fenced<double> out(std::vector<double>(keys_.size(), std::numeric_limits<double>::quiet_NaN()));
    plugin_.call_on_settings("value()",
                             [&](esp_call* call) { return table_.value(plugin_.self(), call, &where, out.data()); });
    if (!out.intact()) throw plugin_.misbehaved(fmt::format("value() wrote more than {} values", keys_.size()));
    std::vector<double> answers = out.take();
    if (const std::string problem = problem_of(answers, keys_, num_stages_, progress.step); !problem.empty())
      throw plugin_.misbehaved(problem);
    return answers;
  }

  void observe(const Progress& progress, const std::vector<std::string>& names,
               const std::vector<double>& metrics) override {
    assert(names.size() == metrics.size());
    if (table_.observe == nullptr) return;
    const esp_progress where = to_abi(progress);
    const std::vector<esp_str> views = to_abi_list(names);
    torn_ = true;
    plugin_.call("observe()", [&](esp_call* call) {
      return table_.observe(plugin_.self(), call, &where, views.data(), metrics.data(),
                            static_cast<uint32_t>(views.size()));
    });
    torn_ = false;
  }

  std::string save_state() override {
    if (torn_) throw Error(ErrorCode::plugin, "observe() failed, so its state belongs to no step", plugin_.info().id);
    return plugin_.save_state();
  }
  void load_state(const std::string& bytes) override { plugin_.load_state(bytes); }

 private:
  PluginInstance plugin_;  // first: holds the library, destroyed last
  esp_schedule table_;
  std::vector<std::string> keys_;
  int64_t num_stages_;
  bool torn_ = false;  // observe() has failed
};

}  // namespace

std::string problem_of(const std::vector<double>& values, const std::vector<std::string>& keys, int64_t num_stages,
                       int64_t step) {
  const auto wanted = [&](const std::string& key, double value) {
    if (!std::isfinite(value)) return "a finite number";
    if (value < 0) return "no negative number";
    if (key != "growth.stage") return "";
    if (value != std::floor(value)) return "a whole number";
    return value >= static_cast<double>(num_stages) ? "a stage that exists" : "";
  };
  for (size_t i = 0; i < keys.size(); ++i)
    if (const std::string what = wanted(keys[i], values[i]); !what.empty())
      return fmt::format("value() of '{}' at step {} is {}, expected {}", keys[i], step, values[i], what);
  return {};
}

SchedulePlugin make_schedule(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                             const std::vector<std::string>& keys, const Progress& start) {
  if (setup.isolate) return make_isolated_schedule(registry, choice, setup, keys, start);
  auto adapter = std::make_unique<ScheduleAdapter>(registry, choice, setup, keys, start);
  PluginIdentity identity = adapter->identity();
  return {std::move(adapter), std::move(identity)};
}

}  // namespace espalier::plugin
