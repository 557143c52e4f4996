// What the host asks of a growth strategy; the plugin layer implements it over the C ABI, tests with a few lines.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/growth/plan.h"
#include "core/model/spec.h"
#include "core/model/step_shape.h"
#include "core/schedule/progress.h"

namespace espalier {

namespace growth {

class Strategy {
 public:
  virtual ~Strategy() = default;
  // Stages that lead to the final architecture (>= 1) and the shape at each; the last equals `final_spec`. Only the
  // layer, width, head and feed-forward numbers may differ. Throws Error(plugin).
  virtual int64_t num_stages(const ModelSpec& final_spec) = 0;
  virtual ModelSpec stage_spec(const ModelSpec& final_spec, int64_t stage) = 0;
  virtual Plan plan(const ModelSpec& from, const ModelSpec& to) = 0;
  // Changes `shape` from "everything" to what this step runs and trains of a model of shape `spec`. Pure in progress
  // and state.
  virtual void fill_step_shape(const Progress& progress, const ModelSpec& spec, StepShape& shape) = 0;
  virtual bool shapes_steps() const = 0;  // false: fill_step_shape never changes anything
  // May claim to preserve the model's function; the executor verifies it.
  virtual bool claims_preserving() const = 0;
  virtual double preserve_tol() const = 0;
  virtual std::string save_state() = 0;
  virtual void load_state(const std::string& bytes) = 0;
};

}  // namespace growth
}  // namespace espalier
