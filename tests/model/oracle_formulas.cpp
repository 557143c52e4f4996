#include "model/oracle_formulas.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace espalier::oracle {

using std::numbers::pi;

Values linear(const Values& x, const Values& weight, const Values& bias) {
  Values y(weight.size() / x.size());
  for (size_t out = 0; out < y.size(); ++out) {
    y[out] = bias.empty() ? 0 : bias[out];
    for (size_t in = 0; in < x.size(); ++in) y[out] += weight[out * x.size() + in] * x[in];
  }
  return y;
}

Values norm(Norm kind, const Values& x, const Values& gate, const Values& gain, const Values& shift, double eps) {
  const Values g = gate.empty() ? Values(x.size(), 1.0) : gate;
  double total = 0, mean = 0, square = 0;
  for (const double part : g) total += part;
  if (kind == Norm::layernorm)
    for (size_t i = 0; i < x.size(); ++i) mean += g[i] * x[i] / total;
  for (size_t i = 0; i < x.size(); ++i) square += g[i] * (x[i] - mean) * (x[i] - mean) / total;
  Values y(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    y[i] = g[i] * (gain[i] * (x[i] - mean) / std::sqrt(square + eps) + (shift.empty() ? 0 : shift[i]));
  return y;
}

namespace {

double silu(double x) {
  return x / (1 + std::exp(-x));
}
double gelu(double x) {  // Hendrycks & Gimpel 2016: x times the normal distribution function
  return x * std::erfc(-x / std::sqrt(2.0)) / 2;
}
double gelu_tanh(double x) {  // their approximation, which GPT-2 uses
  return x / 2 * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
}

}  // namespace

double activation(Activation kind, double x) {
  const double positive = std::max(x, 0.0);
  switch (kind) {
    case Activation::swiglu:
    case Activation::silu:
      return silu(x);
    case Activation::gelu:
    case Activation::geglu:
      return gelu_tanh(x);
    case Activation::gelu_erf:
    case Activation::geglu_erf:
      return gelu(x);
    case Activation::relu:
    case Activation::reglu:
      return positive;
    case Activation::relu2:
      return positive * positive;
  }
  return std::nan("");
}

bool has_gate(Activation kind) {
  switch (kind) {
    case Activation::swiglu:
    case Activation::geglu:
    case Activation::geglu_erf:
    case Activation::reglu:
      return true;
    default:
      return false;
  }
}

double rope_frequency(const ModelSpec& spec, int64_t pair) {
  const double plain = std::pow(spec.rope_theta, -2.0 * static_cast<double>(pair) / static_cast<double>(spec.head_dim));
  const RopeScaling& scaling = spec.rope_scaling;
  if (scaling.type == RopeScaling::Type::none) return plain;
  if (scaling.type == RopeScaling::Type::linear) return plain / scaling.factor;
  // Llama 3.1, by wavelengths: long ones are stretched, short ones kept, those between blended.
  const double context = static_cast<double>(scaling.original_max_position_embeddings), wavelength = 2 * pi / plain;
  if (wavelength > context / scaling.low_freq_factor) return plain / scaling.factor;
  if (wavelength < context / scaling.high_freq_factor) return plain;
  const double smooth =
      (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * plain / scaling.factor + smooth * plain;
}

void rotate(const ModelSpec& spec, double position, double* head) {
  const int64_t half = spec.head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const auto turned = std::complex(head[i], head[i + half]) * std::polar(1.0, position * rope_frequency(spec, i));
    head[i] = turned.real();
    head[i + half] = turned.imag();
  }
}

Values softmax(const Values& scores) {
  const double most = *std::max_element(scores.begin(), scores.end());
  Values out;
  double sum = 0;
  for (const double score : scores) sum += out.emplace_back(std::exp(score - most));
  for (double& value : out) value /= sum;
  return out;
}

}  // namespace espalier::oracle
