#include "core/checkpoint/inspect/replay.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/base/json.h"
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

const GrowthEvent& last_growth(const Snapshot& before, const Snapshot& after) {
  const auto &then = before.state.lineage, &now = after.state.lineage;
  if (now.empty()) throw does_not_fit("the checkpoint holds none");
  if (now.size() != then.size() + 1)
    throw does_not_fit(fmt::format("{} growths lie between the two checkpoints, not one",
                                   static_cast<int64_t>(now.size()) - static_cast<int64_t>(then.size())));
  for (size_t i = 0; i < then.size(); ++i)
    if (then[i].plan_hash != now[i].plan_hash || then[i].step != now[i].step)
      throw does_not_fit("the two checkpoints are of different runs");
  const GrowthEvent& event = now.back();
  if (after.state.step != event.step)
    throw does_not_fit(fmt::format("the model was trained on from step {} to {}", event.step, after.state.step));
  if (const int64_t start = event.step - event.operator_steps; before.state.step != start)
    throw does_not_fit(fmt::format("it began at step {}, and --replay is of step {}", start, before.state.step));
  if (!(before.state.spec == event.from)) throw does_not_fit("--replay holds another model than the one that grew");
  return event;
}

double largest(const json& tensors) {
  double most = 0;
  for (const auto& [name, difference] : tensors["different"].items())
    most = std::max(most, difference["max"].get<double>());
  return most;
}

}  // namespace

json replay_growth(const Snapshot& before, const Snapshot& after, uint64_t seed) {
  const GrowthEvent& event = last_growth(before, after);
  const growth::Plan plan = growth::plan_of_bytes(event.plan_bytes, event.from, event.to, event.plugin.id);
  const growth::Grown grown =
      growth::execute(plan, event.to, before.state.params, before.state.optim, seed,
                      static_cast<int64_t>(before.state.lineage.size()), event.plugin.id, event.leaves);
  return {{"step", event.step},
          {"plan_hash", event.plan_hash},
          {"parameters", tensor_differences(named_params(after.state.params), named_params(grown.params))},
          {"moments", tensor_differences(named_moments(after.state.optim), named_moments(grown.state))}};
}

bool is_exact(const json& replay) {
  for (const char* key : {"parameters", "moments"})
    for (const char* list : {"only_first", "only_second", "other_shape", "different"})
      if (!replay[key][list].empty()) return false;
  return true;
}

std::string replay_text(const json& replay) {
  const std::string what = fmt::format("the growth at step {} (plan {})", replay["step"].get<int64_t>(),
                                       replay["plan_hash"].get<std::string>().substr(0, 12));
  if (is_exact(replay))
    return fmt::format("{} done again from its stored plan: {} parameters and {} moments, bit for bit\n", what,
                       replay["parameters"]["equal"].get<int64_t>(), replay["moments"]["equal"].get<int64_t>());
  return fmt::format(
      "{} done again gives another model: {} parameters differ by up to {:.3g}, {} moments by up to {:.3g}\n", what,
      replay["parameters"]["different"].size(), largest(replay["parameters"]), replay["moments"]["different"].size(),
      largest(replay["moments"]));
}

}  // namespace espalier
