// A length of training with its unit: "1000st" optimizer steps, "2ep" epochs of the data, "1e9tok" tokens, "0.3dur" of
// the run, "1e15flop". A bare integer means steps. Turned into steps only where the run's numbers are known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// Tokens of a step, from one step on.
struct TokenRate {
  int64_t first_step = 0, tokens_per_step = 0;
  friend bool operator==(const TokenRate&, const TokenRate&) = default;
};

// The numbers that durations are measured against. Zero = not known at this point.
struct RunLength {
  int64_t total_steps = 0;
  int64_t tokens_per_step = 0;
  int64_t tokens_per_epoch = 0;
  double flops_per_step = 0;
  // Where the batch grows over the run: rising, the first at step 0; the last goes on. Empty: tokens_per_step
  // throughout. Tokens, epochs and FLOPs are then counted from the run's first step.
  std::vector<TokenRate> rates = {};
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
