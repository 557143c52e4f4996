// Growth plugins run for real on small models in double precision: identities hold there to the last digits.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>

#include "core/growth/execute.h"
#include "core/model/forward.h"
#include "core/plugin/growth_adapter.h"

namespace espalier::test {

// A model with its optimizer's state, everything in fp64. Weights, norm gains and biases are all random: an identity
// must not hold only because a bias is zero or a gain is one.
struct Model {
  ModelSpec spec;
  ParamTable params;
  OptimState state;
};
Model random_model(const ModelSpec& spec, uint64_t seed);

// What the user would write in [growth].params: {{"block_size", 2}, {"moments", "zero"}}.
struct Setting {
  Setting(int value);
  Setting(double value);
  Setting(bool value);
  Setting(const char* value);
  Setting(std::vector<int64_t> values);
  ParamValue value;
};
using Settings = std::map<std::string, Setting>;

// A plugin of this build by its short name; durations are of a run of 1000 steps.
// Throws Error as a run would.
plugin::GrowthPlugin make_method(const std::string& name, const Settings& settings, uint64_t seed = 7);

// The model after the step from its shape to `to`; it keeps nothing of `from`'s storage.
Model grow(growth::Strategy& strategy, const Model& from, const ModelSpec& to, uint64_t seed = 7, int64_t event = 0);

// int64 [batch, seq], the same for the same arguments.
at::Tensor random_tokens(const ModelSpec& spec, int64_t batch, uint64_t seed);
at::Tensor logits(const Model& model, const at::Tensor& tokens);  // fp64 [batch, seq, vocab]
at::Tensor logits(const Model& model, const at::Tensor& tokens, const StepShape& shape);
double loss(const Model& model, const at::Tensor& tokens);  // next-token, in nats
// d loss / d parameter by name; a parameter that got none is absent.
std::map<std::string, at::Tensor> gradients(const Model& model, const at::Tensor& tokens);
std::map<std::string, at::Tensor> gradients(const Model& model, const at::Tensor& tokens, const StepShape& shape);
double max_diff(const at::Tensor& a, const at::Tensor& b);  // largest absolute difference

// The error of a call: its message; "no error" where it throws none.
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

}  // namespace espalier::test
