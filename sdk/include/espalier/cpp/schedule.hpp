// Base class of schedulers, and the table made from one.
#pragma once

#include <espalier/schedule.h>
#include <espalier/cpp/entry.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace espalier::sdk {

/// One number of the step that just ran.
struct Metric {
  std::string_view name;
  double value = 0;
};

/// A scheduler: numbers as a function of progress. One thread calls it.
class Schedule : public Plugin {
 public:
  /// What next_change() returns when the values never change again.
  static constexpr std::uint64_t kNever = UINT64_MAX;

  /// Called once: the keys that value() fills, in order. Throw for a key that you cannot fill.
  virtual void bind(Call&, const Progress& start, const std::vector<std::string>& keys) = 0;
  /// out[i] belongs to keys[i]. Pure in progress (and in state changed by observe()); also asked about steps to come.
  virtual void value(Call&, const Progress&, Span<double> out) = 0;
  /// Optional, for values constant by pieces: the next step > progress.step where a value changes.
  virtual std::uint64_t next_change(Call&, const Progress&) { return kNever; }
  /// Optional: metrics of the step that just ran, "train/loss" and "train/grad_norm" (espalier/schedule.h); look for a
  /// name, not at a place.
  virtual void observe(Call&, const Progress&, const std::vector<Metric>&) {}

 protected:
  /// For a scheduler that fills one key only.
  static void require_only(const std::vector<std::string>& keys, std::string_view key) {
    if (keys.size() == 1 && keys[0] == key) return;
    for (const std::string& other : keys) {
      if (other != key) throw unimplemented("this schedule fills '", key, "' only, not '", other, "'");
    }
    throw invalid("this schedule fills '", key, "' once; it was asked for ", keys.size(), " values");
  }
};

namespace detail {

template <class T>
struct ScheduleEdge {
  static esp_status bind(void* self, esp_call* raw_call, const esp_progress* start, const esp_str* keys,
                         std::uint32_t num_keys) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      std::vector<std::string> names;
      for (std::uint32_t i = 0; i < num_keys; ++i) names.emplace_back(view(keys[i]));
      instance.num_keys = 0;
      instance.plugin.bind(call, sized_copy(start), names);
      instance.num_keys = num_keys;
    });
  }

  static esp_status value(void* self, esp_call* raw_call, const esp_progress* progress, double* out) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      if (instance.num_keys == 0) throw failed_precondition("value() before bind()");
      instance.plugin.value(call, sized_copy(progress), Span<double>(out, instance.num_keys));
    });
  }

  static esp_status next_change(void* self, esp_call* raw_call, const esp_progress* progress, std::uint64_t* step) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      if (instance.num_keys == 0) throw failed_precondition("next_change() before bind()");
      *step = instance.plugin.next_change(call, sized_copy(progress));
    });
  }

  static esp_status observe(void* self, esp_call* raw_call, const esp_progress* progress, const esp_str* names,
                            const double* values, std::uint32_t count) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      std::vector<Metric> metrics;
      for (std::uint32_t i = 0; i < count; ++i) metrics.push_back({view(names[i]), values[i]});
      instance.plugin.observe(call, sized_copy(progress), metrics);
    });
  }

  static const void* table(const T&) {
    constexpr bool steps = !std::is_same_v<decltype(&T::next_change), decltype(&Schedule::next_change)>;
    constexpr bool observes = !std::is_same_v<decltype(&T::observe), decltype(&Schedule::observe)>;
    static const esp_schedule schedule = {
        sizeof(esp_schedule), 0, &bind, &value, steps ? &next_change : nullptr, observes ? &observe : nullptr};
    return &schedule;
  }

  static const void* get(void*, const char*) { return nullptr; }
};

template <class T>
struct KindOf<T, std::enable_if_t<std::is_base_of_v<Schedule, T>>> {
  using Base = Schedule;
  using Edge = ScheduleEdge<T>;
  static constexpr std::string_view kFactory = ESP_FACTORY_SCHEDULE;
};

}  // namespace detail
}  // namespace espalier::sdk
