#include "core/checkpoint/inspect/verification.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <set>

#include "core/base/text.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/growth/plan.h"

namespace espalier {
namespace {

void verify_plan(const GrowthEvent& event, const fs::path& dir) {
  const std::string place = (dir / "espalier/plans" / (event.plan_hash + ".bin")).string();
  const auto damaged = [&](const std::string& why) {
    return Error(ErrorCode::checkpoint, fmt::format("the plan of the growth at step {} {}", event.step, why), place);
  };
  if (sha256_bytes(event.plan_bytes) != event.plan_hash) throw damaged("does not match its hash");
  growth::Plan plan;
  try {
    plan = growth::plan_of_bytes(event.plan_bytes, event.from, event.to, event.plugin.id);
  } catch (const Error& error) {
    throw damaged(fmt::format("is no plan from the one model to the other: {}", error.message()));
  }
  std::set<std::string> learned, stored;
  for (const auto& node : plan.nodes)
    if (node.op == growth::Op::learned) learned.insert(node.text);
  for (const auto& [name, leaf] : event.leaves) stored.insert(name);
  if (learned != stored) throw damaged("has other learned leaves than those stored beside it");
}

}  // namespace

void verify_closely(const fs::path& dir) {
  const Snapshot snapshot = load_checkpoint(dir);
  for (const auto& event : snapshot.state.lineage) verify_plan(event, dir);
}

}  // namespace espalier
