#include "core/config/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/base/error.h"
#include "core/config/param_text.h"

namespace espalier {
namespace {

using Unit = Duration::Unit;

constexpr std::array<std::pair<std::string_view, Unit>, 5> kUnits{
    {{"st", Unit::steps}, {"ep", Unit::epochs}, {"tok", Unit::tokens}, {"dur", Unit::fraction}, {"flop", Unit::flops}}};
constexpr const char* kForms =
    R"(write "1000st" (steps), "2ep" (epochs), "1e9tok", "0.3dur" (of the run) or "1e15flop")";

std::string_view suffix_of(Unit unit) {
  for (const auto& [suffix, known] : kUnits)
    if (known == unit) return suffix;
  return {};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

double divided(const Duration& duration, double per_step, const char* needs, const std::string& place) {
  if (per_step > 0) return duration.value / per_step;
  throw Error(ErrorCode::config,
              fmt::format("the duration \"{}\" needs {}, not known here", duration.to_string(), needs), place,
              R"(give it in steps, as in "1000st")");
}

// Whole steps that hold at least `steps`; the slack absorbs the rounding of a division that is exact on paper.
double rounded_up(double steps) {
  return std::ceil(steps - 1e-12 * steps);
}

// Steps from the run's first one until `tokens` have been trained on.
double steps_of_tokens(double tokens, const std::vector<TokenRate>& rates) {
  for (size_t i = 0; i + 1 < rates.size(); ++i) {
    const auto steps = static_cast<double>(rates[i + 1].first_step - rates[i].first_step);
    const auto per_step = static_cast<double>(rates[i].tokens_per_step);
    if (tokens <= steps * per_step) return static_cast<double>(rates[i].first_step) + tokens / per_step;
    tokens -= steps * per_step;
  }
  return static_cast<double>(rates.back().first_step) + tokens / static_cast<double>(rates.back().tokens_per_step);
}

double exact_steps(const Duration& duration, const RunLength& run, const std::string& place) {
  switch (duration.unit) {
    case Unit::steps:
      return std::round(duration.value);
    case Unit::epochs: {
      const double steps_per_epoch =
          run.tokens_per_step > 0 ? static_cast<double>(run.tokens_per_epoch) / static_cast<double>(run.tokens_per_step)
                                  : 0;
      if (steps_per_epoch > 0 && !run.rates.empty())
        return std::round(steps_of_tokens(duration.value * static_cast<double>(run.tokens_per_epoch), run.rates));
      if (steps_per_epoch > 0) return std::round(duration.value * steps_per_epoch);
      return divided(duration, 0, "the number of tokens of an epoch and of a step", place);
    }
    case Unit::tokens:
      if (!run.rates.empty()) return rounded_up(steps_of_tokens(duration.value, run.rates));
      return rounded_up(
          divided(duration, static_cast<double>(run.tokens_per_step), "the number of tokens of a step", place));
    case Unit::fraction:
      if (run.total_steps > 0) return std::round(duration.value * static_cast<double>(run.total_steps));
      return divided(duration, 0, "the length of the whole run", place);
    case Unit::flops:
      if (!run.rates.empty()) {
        const double full_steps = divided(duration, run.flops_per_step, "the FLOPs of a step", place);
        return rounded_up(steps_of_tokens(full_steps * static_cast<double>(run.tokens_per_step), run.rates));
      }
      return rounded_up(divided(duration, run.flops_per_step, "the FLOPs of a step", place));
  }
  return 0;
}

}  // namespace

Duration Duration::parse(std::string_view text, const std::string& place) {
  const auto refuse = [&](std::string_view why) -> Error {
    return {ErrorCode::config, fmt::format("\"{}\" is not a duration: {}", text, why), place, kForms};
  };
  const std::string_view body = trimmed(text);
  double value = 0;
  const auto [rest, status] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (status == std::errc::result_out_of_range) throw refuse("the number is too large or too small");
  if (status != std::errc()) throw refuse("it must start with a number");
  if (!std::isfinite(value)) throw refuse("the number must be finite");
  if (value < 0) throw refuse("it must not be negative");
  const std::string_view suffix = trimmed({rest, static_cast<size_t>(body.data() + body.size() - rest)});
  if (suffix.empty()) return {value, Unit::steps};
  for (const auto& [known, unit] : kUnits)
    if (suffix == known) return {value, unit};
  throw refuse(fmt::format("unknown unit '{}'", suffix));
}

int64_t Duration::to_steps(const RunLength& run, const std::string& place) const {
  if (value == 0) return 0;
  const double steps = exact_steps(*this, run, place);
  constexpr double kLimit = 9007199254740992.0;  // 2^53: beyond it a double no longer counts single steps
  if (steps <= kLimit) return static_cast<int64_t>(steps);
  throw Error(ErrorCode::config, fmt::format("the duration \"{}\" is more than 2^53 steps", to_string()), place);
}

std::string Duration::to_string() const {
  const bool whole = value == std::floor(value) && value < 1e15;
  const std::string number =
      unit == Unit::steps && whole ? fmt::format("{}", static_cast<int64_t>(value)) : shortest_number(value);
  return number + std::string(suffix_of(unit));
}

}  // namespace espalier
