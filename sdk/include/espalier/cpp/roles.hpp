// What a parameter's role says about it: the rules that strategies share, so that no plugin compares the names itself.
// core/model/roles.h has the host's under the same names; tests/plugin/roles_test.cpp holds the two together.
#pragma once

#include <espalier/cpp/arch.hpp>

namespace espalier::sdk {

/// The two linear maps whose results are added to the residual stream: weight and bias. With both at zero a block adds
/// nothing.
inline bool writes_residual(const Param& param) {
  return param.role() == "attn.o" || param.role() == "mlp.down";
}

/// The gains and shifts of the norms, in the blocks and before the head.
inline bool is_norm(const Param& param) {
  return param.role() == "norm1" || param.role() == "norm2" || param.role() == "final_norm";
}

/// How a parameter stands to one of its dimensions.
enum class Side {
  kFixed,     ///< a dimension that never grows: vocabulary, positions
  kProduced,  ///< outputs: rows of a linear weight, its bias, columns of the embeddings
  kConsumed,  ///< inputs: columns of a linear weight and of the head
  kNorm,      ///< scaled or shifted in place
};

inline Side side_of(const Param& param, std::size_t dim) {
  const std::string_view role = param.role();
  if (is_norm(param)) return Side::kNorm;
  if (role == "embed" || role == "pos_embed") return dim == 1 ? Side::kProduced : Side::kFixed;
  if (role == "lm_head") return dim == 1 ? Side::kConsumed : Side::kFixed;
  return dim == 0 ? Side::kProduced : Side::kConsumed;
}

}  // namespace espalier::sdk
