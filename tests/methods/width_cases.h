// Small models for growth in width: settings of the architecture, and shapes to grow from.
#pragma once

#include <string>
#include <vector>

#include "methods/method.h"
#include "support/tiny_model.h"

namespace espalier::test {

// A GPT-2 and a Llama with grouped-query attention, each tied and untied. Context 16, so that attention matters.
inline std::vector<ModelSpec> width_settings(int64_t num_layers = 2) {
  std::vector<ModelSpec> out;
  for (ModelSpec spec : {tiny_gpt2(num_layers), tiny_llama(num_layers)})
    for (const bool tied : {true, false}) {
      spec.tie_embeddings = tied;
      out.push_back(spec);
    }
  return out;
}

inline std::string text(const ModelSpec& spec) {
  return std::string(name_of(spec.norm)) + (spec.tie_embeddings ? " tied" : " untied");
}

// norm_eps of the wider model where the plan scales the norms' input by d/D.
inline ModelSpec with_eps_for(ModelSpec to, const ModelSpec& from) {
  to.norm_eps = from.norm_eps * static_cast<double>(from.d_model) / static_cast<double>(to.d_model);
  return to;
}

// The largest change of a logit by the step from a random model of shape `from` to shape `to`.
inline double logit_change(growth::Strategy& strategy, const ModelSpec& from, const ModelSpec& to, uint64_t seed = 3) {
  const Model before = random_model(from, seed);
  const at::Tensor tokens = random_tokens(from, 3, seed);
  return max_diff(logits(grow(strategy, before, to), tokens), logits(before, tokens));
}

// Every parameter of the same name has the same values.
inline bool same_values(const Model& a, const Model& b) {
  for (const auto& param : a.params)
    if (!param.value.equal(b.params.at(param.info.name))) return false;
  return true;
}

}  // namespace espalier::test
