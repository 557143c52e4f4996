#include "core/growth/audit.h"

#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

TEST_CASE("the probe's loss over sub-networks is the mean of each one's", "[growth][audit]") {
  const ModelSpec spec = tiny_llama(3);
  const ParamTable params = init_params(spec, 1, 0.2, 3);
  const at::Tensor tokens = at::arange(2 * spec.seq_len, at::kLong).remainder(spec.vocab_size).view({2, spec.seq_len});
  const Probe probe{tokens, tokens.roll(-1, 1)};
  StepShape first = StepShape::everything(3), last = first;
  first.run = {0, 1, 1};
  last.run = {1, 1, 0};
  last.scale = {2, 1, 1};
  const auto loss = [&](const StepShape& shape) {
    return forward_loss(spec, params, probe.tokens, probe.targets, shape, ComputeType::fp32).item<double>();
  };
  CHECK(loss(first) != loss(last));
  CHECK(mean_probe_loss(spec, params, probe, {first, last, first}) == Approx((2 * loss(first) + loss(last)) / 3));
  CHECK(mean_probe_loss(spec, params, probe, {last}) == Approx(loss(last)));
  CHECK(std::isnan(mean_probe_loss(spec, params, probe, {})));
}
