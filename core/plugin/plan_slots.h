// The esp_plan that a growth plugin fills, over growth::PlanBuilder; and a ModelSpec as the esp_arch that it reads.
#pragma once

#include <espalier/growth.h>

#include <string>
#include <vector>

#include "core/growth/plan.h"
#include "core/model/spec.h"

namespace espalier::plugin {

esp_dims dims_of(const ModelSpec& spec);

// A model's shape with all its parameters. The table points into *this.
class ArchView {
 public:
  explicit ArchView(const ModelSpec& spec);
  ArchView(const ArchView&) = delete;
  ArchView& operator=(const ArchView&) = delete;
  const esp_arch* table() const { return &table_; }

 private:
  std::vector<ParamInfo> params_;
  std::vector<std::vector<esp_str>> axes_;
  std::vector<esp_param_info> infos_;
  esp_arch table_{};
};

// One plan under construction. Arguments that would read outside of memory are refused here, everything else by the
// builder; no exception leaves a slot.
class PlanSlots {
 public:
  PlanSlots(const ModelSpec& from, const ModelSpec& to) : builder_(from, to) {}
  PlanSlots(const PlanSlots&) = delete;
  PlanSlots& operator=(const PlanSlots&) = delete;

  // The table's impl is this.
  esp_plan table();
  // The first reason for which a slot returned 0; empty while all is well.
  const std::string& problem() const { return problem_.empty() ? builder_.problem() : problem_; }
  // The complete plan. Throws Error(plugin, place = who).
  growth::Plan finish(const std::string& who);

 private:
  friend struct Slots;
  growth::PlanBuilder builder_;
  std::string problem_;
};

}  // namespace espalier::plugin
