// AdamW with decoupled weight decay (Loshchilov & Hutter 2019), keyed by parameter name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/model/optim_state.h"
#include "core/model/param_table.h"

namespace espalier {

// [optimizer]
struct OptimizerConfig {
  double lr = 3e-4, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1;

  void fields(Fields& f);
};

// What an optimizer step looks at: named tensors that may have a gradient. A parameter table, or the leaves of a growth
// operator.
struct Trainable {
  std::string name;
  at::Tensor value;
  bool decays;  // matrices do, norms and biases do not
};
class Trainables {
 public:
  Trainables(const ParamTable& params);
  Trainables(const std::map<std::string, at::Tensor>& leaves);
  std::vector<Trainable>::const_iterator begin() const { return items_.begin(); }
  std::vector<Trainable>::const_iterator end() const { return items_.end(); }

 private:
  std::vector<Trainable> items_;
};

// Updates every parameter that has a gradient, in place, and its entry of `state` (made on first use). A parameter with
// an undefined gradient (frozen, bypassed) is left alone: no decay, no step.
void adamw_step(const OptimizerConfig& config, double lr, const Trainables& params, OptimState& state);

// Sets every gradient to "undefined", so that frozen parameters are really skipped.
void clear_grads(const Trainables& params);

// Multiplies every gradient.
void scale_grads(const Trainables& params, double factor);

// Global L2 norm of the gradients in fp32, after which they are scaled so that it is at most max_norm (0 = no
// clipping). Returns the norm before scaling.
double clip_grad_norm(const Trainables& params, double max_norm);

}  // namespace espalier
