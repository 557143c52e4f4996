// The host's own check of a claim: the audit runs both models in fp32, and refuses a plan that does not keep its word.
#include <ATen/ATen.h>

#include "catch.h"
#include "core/growth/audit.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

ParamTable in_fp32(const Model& model) {
  return model.params.transformed([](const Param& param) { return param.value.to(at::kFloat); });
}

}  // namespace

TEST_CASE("every plan that claims to preserve the function passes the audit in fp32", "[methods][preserving]") {
  const std::map<std::string, Settings> methods = {
      {"net2net", {{"num_layers", List{1}}, {"noise", 0.0}}},
      {"bert2bert", {{"num_layers", List{1}}, {"mode", "fpi"}, {"mapping", "circular"}}},
      {"lemon", {{"num_layers", List{1}}}},
      {"staged", {{"num_layers", List{1}}}},
      {"zero", {{"num_layers", List{1}}}}};
  for (ModelSpec from : width_settings())
    for (const auto& [name, settings] : methods) {
      from.d_model = 128, from.d_ff = 192;
      ModelSpec to = from;
      to.d_model *= 2, to.num_heads *= 2, to.num_kv_heads *= 2, to.d_ff *= 2;
      if (name == "lemon" || name == "zero") to = with_eps_for(to, from);
      auto method = make_method(name, settings);
      const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
      const auto claim = method.strategy->plan(from, to).preserving_tol;
      INFO(name << " " << text(from));
      CHECK(claim.has_value() == !(name == "zero" && from.norm == Norm::layernorm));
      if (!claim) continue;
      const at::Tensor tokens = random_tokens(from, 4, 1);
      const growth::Probe probe{tokens, tokens};
      const growth::Audit audit = growth::audit(from, in_fp32(before), to, in_fp32(after), probe, claim, name);
      CHECK(audit.max_logit_diff < 0.5 * *claim);  // far from refusal
      CHECK(audit.loss_after == Approx(audit.loss_before).epsilon(1e-5));
    }
}
