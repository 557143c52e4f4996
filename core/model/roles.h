// What a parameter's role says about it. Plugins have the same rules under the same names
// (sdk/include/espalier/cpp/roles.hpp); tests/plugin/roles_test.cpp holds the two together.
#pragma once

#include "core/model/spec.h"

namespace espalier {

// The two linear maps whose results are added to the residual stream: weight and bias.
inline bool writes_residual(const ParamInfo& info) {
  return info.role == "attn.o" || info.role == "mlp.down";
}

// The gains and shifts of the norms, in the blocks and before the head.
inline bool is_norm(const ParamInfo& info) {
  return info.role == "norm1" || info.role == "norm2" || info.role == "final_norm";
}

}  // namespace espalier
