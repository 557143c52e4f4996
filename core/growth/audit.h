// Before and after a growth event, on one fixed probe batch: loss, logits, parameter count.
#pragma once

#include <functional>
#include <string>

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
};

// Runs both models in fp32. Throws Error(plugin, place = who) when `preserving_tol` is set and the logits differ by
// more.
Audit audit(const ModelSpec& from, const ParamTable& before, const ModelSpec& to, const ParamTable& after,
            const Probe& probe, std::optional<double> preserving_tol, const std::string& who);

}  // namespace espalier::growth
