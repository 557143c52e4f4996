// Shapes as in forward.cpp: D d_model, H query heads, C head size, F d_ff.
#include "core/model/fold_gates.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/model/roles.h"

namespace espalier {
namespace {

using at::Tensor;

class Folder {
 public:
  Folder(const ModelSpec& spec, const StepShape& shape) : spec_(spec), shape_(shape) {
    const auto& gate = shape.stream_gate;
    if (gate.empty()) return;
    root_ = at::tensor(gate, at::kDouble).sqrt();
    open_ = std::accumulate(gate.begin(), gate.end(), 0.0) / static_cast<double>(spec.d_model);
  }

  // Share of the stream that is open; 1 without a stream gate.
  double open() const { return open_; }

  Tensor fold(const Param& param) const {
    const ParamInfo& info = param.info;
    const bool weight = info.is_matrix();
    Tensor rows, columns;  // factors; undefined: 1
    double factor = 1;
    if (writes_residual(info)) {
      rows = root_;
      factor = shape_.scale[static_cast<size_t>(info.layer)];
      if (weight) columns = info.role == "attn.o" ? head_columns(info.layer) : unit_columns(info.layer);
    } else if (info.role == "embed" || info.role == "pos_embed") {
      columns = root_;
    } else if (is_norm(info)) {
      // A tied head has the embedding's root already.
      if (info.role != "final_norm" || !spec_.tie_embeddings) rows = root_;
      factor = std::sqrt(open_);
    }
    if (!rows.defined() && !columns.defined() && factor == 1) return param.value;
    Tensor value = param.value.detach().to(at::kDouble) * factor;
    const auto place = [&](const Tensor& t) { return t.to(value.device()); };
    if (rows.defined()) value = value * place(weight ? rows.unsqueeze(1) : rows);
    if (columns.defined()) value = value * place(columns);
    return value.to(param.value.scalar_type());
  }

 private:
  Tensor gates_of(const std::vector<float>& gates, int layer, int64_t width) const {
    if (gates.empty()) return {};
    return at::tensor(gates, at::kDouble).narrow(0, layer * width, width);
  }
  Tensor head_columns(int layer) const {
    const Tensor gates = gates_of(shape_.head_gate, layer, spec_.num_heads);
    return gates.defined() ? gates.repeat_interleave(spec_.head_dim) : gates;
  }
  Tensor unit_columns(int layer) const { return gates_of(shape_.unit_gate, layer, spec_.d_ff); }

  const ModelSpec& spec_;
  const StepShape& shape_;
  Tensor root_;  // of the stream gate, [D]; undefined without one
  double open_ = 1;
};

}  // namespace

std::optional<FoldedModel> fold_gates(const ModelSpec& spec, const ParamTable& params, const StepShape& shape) {
  const c10::NoGradGuard no_grad;
  const auto& gate = shape.stream_gate;
  if (!gate.empty() && (spec.norm != Norm::rmsnorm || *std::min_element(gate.begin(), gate.end()) < 0))
    return std::nullopt;
  const Folder folder(spec, shape);
  FoldedModel out{spec, params.transformed([&](const Param& param) { return folder.fold(param); })};
  out.spec.norm_eps *= folder.open();
  return out;
}

}  // namespace espalier
