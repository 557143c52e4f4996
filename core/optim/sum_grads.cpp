#include "core/optim/sum_grads.h"

#include <ATen/ATen.h>

namespace espalier {

void sum_grads(const Trainables& params, const Comm& comm) {
  if (comm.is_alone()) return;
  // A rank whose rows were padding alone has none, and which parameters train is the same everywhere else.
  std::vector<int64_t> defined;
  for (const Trainable& param : params) defined.push_back(param.value.grad().defined() ? 1 : 0);
  comm.sum(defined);
  size_t i = 0;
  for (const Trainable& param : params) {
    if (defined[i++] == 0) continue;
    at::Tensor& grad = param.value.mutable_grad();
    if (!grad.defined()) grad = at::zeros_like(param.value);
    comm.all_reduce(grad);
  }
}

}  // namespace espalier
