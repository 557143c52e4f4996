#include "core/checkpoint/inspect/stored_plan.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

namespace espalier {

growth::Plan stored_plan(const GrowthEvent& event, const fs::path& dir) {
  const fs::path file = dir / "espalier" / "plans" / event.plan_hash;
  const auto damaged = [&](const std::string& why, const char* ending) {
    return Error(ErrorCode::checkpoint, fmt::format("the plan of the growth at step {} {}", event.step, why),
                 file.string() + ending);
  };
  if (sha256_bytes(event.plan_bytes) != event.plan_hash) throw damaged("does not match its hash", ".bin");
  growth::Plan plan;
  try {
    plan = growth::plan_of_bytes(event.plan_bytes, event.from, event.to, "the stored plan");
  } catch (const Error& error) {
    throw damaged("is no plan from the one model to the other: " + error.message(), ".bin");
  }
  if (const int64_t steps = plan.learning ? plan.learning->steps : 0; steps != event.operator_steps)
    throw damaged(
        fmt::format("was learned in {} steps, as the manifest says, and not in {}", event.operator_steps, steps),
        ".bin");
  size_t learned = 0;
  for (const auto& node : plan.nodes) {
    if (node.op != growth::Op::learned) continue;
    ++learned;
    const auto leaf = event.leaves.find(node.text);
    if (leaf == event.leaves.end() || leaf->second.sizes() != at::IntArrayRef(node.shape) ||
        leaf->second.scalar_type() != at::kFloat)
      throw damaged("has other learned leaves than those stored beside it", ".safetensors");
  }
  if (learned != event.leaves.size())
    throw damaged("has fewer learned leaves than are stored beside it", ".safetensors");
  return plan;
}

}  // namespace espalier
