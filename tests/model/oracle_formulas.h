// The formulas of the decoder's parts over plain doubles. Each names its source; none is taken from core/model.
#pragma once

#include <vector>

#include "core/model/spec.h"

namespace espalier::oracle {

using Values = std::vector<double>;

// y = W x + b; weight: [out, in] row by row; an empty bias is none.
Values linear(const Values& x, const Values& weight, const Values& bias);

// Ba et al. 2016 (layernorm, with a shift) and Zhang & Sennrich 2019 (rmsnorm). gate: of the residual stream, Yao et
// al. 2023; empty: all ones.
Values norm(Norm kind, const Values& x, const Values& gate, const Values& gain, const Values& shift, double eps);

// The function of an activation; of a gated one, that of its gate.
double activation(Activation kind, double x);
bool has_gate(Activation kind);

// Radians a position for the pair (i, i + head_dim / 2); Su et al. 2021, stretched as `transformers` does.
double rope_frequency(const ModelSpec& spec, int64_t pair);
// One head's vector turned by the angles of `position`, each pair as one complex number.
void rotate(const ModelSpec& spec, double position, double* head);

Values softmax(const Values& scores);

}  // namespace espalier::oracle
