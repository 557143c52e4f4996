// A length of training with its unit: "1000st" optimizer steps, "2ep" epochs of the data, "1e9tok" tokens, "0.3dur" of
// the run, "1e15flop". A bare integer means steps. Turned into steps only where the run's numbers are known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace espalier {

// The numbers that durations are measured against. Zero = not known at this point.
struct RunLength {
  int64_t total_steps = 0;
  int64_t tokens_per_step = 0;
  int64_t tokens_per_epoch = 0;
  double flops_per_step = 0;
};

struct Duration {
  enum class Unit { steps, epochs, tokens, fraction, flops };
  double value = 0;
  Unit unit = Unit::steps;

  // Throws Error(config) with `place` for an unknown unit, a negative or a non-finite number.
  static Duration parse(std::string_view text, const std::string& place);
  static Duration of_steps(int64_t steps) { return {static_cast<double>(steps), Unit::steps}; }

  // Steps, rounded to the nearest; tokens and FLOPs round up to whole steps. Throws Error(config) where the needed
  // number is not known ("epochs need ...").
  int64_t to_steps(const RunLength& run, const std::string& place) const;
  std::string to_string() const;  // the form that parse() reads
  friend bool operator==(const Duration&, const Duration&) = default;
};

}  // namespace espalier
