// Before and after a growth event, on one fixed probe batch: loss, logits, gradients, and what growth did to the
// layers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/growth/execute.h"
#include "core/model/forward.h"

namespace espalier::growth {

// Tokens and targets for the audit, int64 [batch, seq].
struct Probe {
  at::Tensor tokens, targets;
};

struct Audit {
  double loss_before = 0, loss_after = 0;
  double max_logit_diff = 0;  // largest absolute difference of a logit on the probe, fp32
  int64_t params_before = 0, params_after = 0;
  double grad_norm_before = 0, grad_norm_after = 0;  // of the probe's loss, over all parameters
  int64_t dead_units = 0;       // hidden units of the larger model whose outgoing weights get no gradient at all
  double layer_similarity = 0;  // cosine of the weights of neighbouring layers, averaged over pairs and matrices
};

// Runs both models forwards in fp32: losses, logits and parameter counts. Throws Error(plugin, place = who) when
// `preserving_tol` is set and the logits differ by more. `last_step` and `first_step`: how the smaller model last ran
// and how the larger one first runs (gates that are still closed, scales); whole without it.
Audit audit(const ModelSpec& from, const ParamTable& before, const ModelSpec& to, const ParamTable& after,
            const Probe& probe, std::optional<double> preserving_tol, const std::string& who,
            const std::optional<StepShape>& last_step = {}, const std::optional<StepShape>& first_step = {});

// What one backward pass over the probe shows of the model run as `shape` says. Units whose gate is closed are not
// dead. Apart from audit(), so that the larger model's gradients are held only once the smaller model is gone.
struct ProbeGradients {
  double norm = 0;
  int64_t dead_units = 0;
};
ProbeGradients probe_gradients(const ModelSpec& spec, const ParamTable& params, const Probe& probe,
                               const std::optional<StepShape>& shape = {});

double layer_similarity(const ModelSpec& spec, const ParamTable& params);

// Loss on the probe in fp32, averaged over ways of running one model (sub-networks); equal ones are run once. NaN
// without any.
double mean_probe_loss(const ModelSpec& spec, const ParamTable& params, const Probe& probe,
                       const std::vector<StepShape>& shapes);

}  // namespace espalier::growth
