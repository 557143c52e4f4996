#include "core/checkpoint/inspect/replay.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/json.h"
#include "core/checkpoint/inspect/stored_plan.h"
#include "core/checkpoint/inspect/tensors.h"
#include "core/growth/execute.h"

namespace espalier {

using nlohmann::json;

namespace {

Error does_not_fit(const std::string& why) {
  return {
      ErrorCode::checkpoint, "the growth cannot be done again: " + why, "--replay",
      "give the checkpoint that checkpoint.at_growth saved and, with --replay, one of the same step from before the "
      "growth: of a run with at_growth = false, or with growth.guard_bound"};
}

// While an operator is learned the model that will grow stays as it is.
bool is_learning(const TrainState& state, const GrowthEvent& event) {
  return state.operators && state.operators->plan_hash == event.plan_hash &&
         state.operators->start == event.step - event.operator_steps;
}

// The growths between the two, in which no step of the model may lie.
std::span<const GrowthEvent> growths_between(const TrainState& before, const TrainState& after) {
  const auto &then = before.lineage, &now = after.lineage;
  if (now.empty()) throw does_not_fit("the checkpoint holds none");
  if (now.size() <= then.size()) throw does_not_fit("--replay has seen as many growths already");
  for (size_t i = 0; i < then.size(); ++i)
    if (then[i].plan_hash != now[i].plan_hash || then[i].step != now[i].step)
      throw does_not_fit("the two checkpoints are of different runs");
  const std::span<const GrowthEvent> events = std::span(now).subspan(then.size());
  int64_t step = is_learning(before, events.front()) ? before.operators->start : before.step;
  for (const GrowthEvent& event : events) {
    if (const int64_t start = event.step - event.operator_steps; start != step)
      throw does_not_fit(fmt::format("it began at step {}, and {} is of step {}", start,
                                     &event == &events.front() ? "--replay" : "the growth before it", step));
    step = event.step;
  }
  if (after.step != step)
    throw does_not_fit(fmt::format("the model was trained on from step {} to {}", step, after.step));
  if (!(before.spec == events.front().from)) throw does_not_fit("--replay holds another model than the one that grew");
  return events;
}

double largest(const json& tensors) {
  double most = 0;
  for (const auto& [name, difference] : tensors["different"].items()) {
    const auto max = difference["max"].get<double>();
    if (std::isnan(max)) return max;
    most = std::max(most, max);
  }
  return most;
}

int64_t not_equal(const json& tensors) {
  size_t count = 0;
  for (const char* list : {"only_first", "only_second", "other_shape", "different"}) count += tensors[list].size();
  return static_cast<int64_t>(count);
}

}  // namespace

json replay_growth(const Found& before, const Found& after, uint64_t seed) {
  const TrainState& old = before.snapshot.state;
  auto event_number = static_cast<int64_t>(old.lineage.size());
  growth::Grown grown{old.params, old.optim};
  json plans = json::array();
  for (const GrowthEvent& event : growths_between(old, after.snapshot.state)) {
    const growth::Plan plan = stored_plan(event, after.dir);
    grown = growth::execute(plan, event.to, grown.params, grown.state, seed, event_number++, "the stored plan",
                            event.leaves);
    plans.push_back(event.plan_hash);
  }
  const TrainState& now = after.snapshot.state;
  return {{"step", now.step},
          {"plans", plans},
          {"parameters", tensor_differences(named_params(now.params), named_params(grown.params))},
          {"moments", tensor_differences(named_moments(now.optim), named_moments(grown.state))}};
}

bool is_exact(const json& replay) {
  return not_equal(replay["parameters"]) == 0 && not_equal(replay["moments"]) == 0;
}

std::string replay_text(const json& replay) {
  std::string plans;
  for (const json& hash : replay["plans"])
    plans += (plans.empty() ? "plan " : ", then ") + hash.get<std::string>().substr(0, 12);
  const std::string what = fmt::format("the growth at step {} ({})", replay["step"].get<int64_t>(), plans);
  if (is_exact(replay))
    return fmt::format("{} done again from its stored plan: {} parameters and {} moments, bit for bit\n", what,
                       replay["parameters"]["equal"].get<int64_t>(), replay["moments"]["equal"].get<int64_t>());
  return fmt::format(
      "{} done again gives another model: {} parameters differ, by up to {:.3g}, and {} moments, by up to {:.3g}\n",
      what, not_equal(replay["parameters"]), largest(replay["parameters"]), not_equal(replay["moments"]),
      largest(replay["moments"]));
}

}  // namespace espalier
