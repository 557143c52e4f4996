#include "core/model/param_table.h"

#include <cassert>

namespace espalier {

const at::Tensor& ParamTable::at(const std::string& name) const {
  return params_[index_.at(name)].value;
}

const at::Tensor* ParamTable::find(const std::string& name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &params_[it->second].value;
}

void ParamTable::add(Param param) {
  assert(param.value.sizes().vec() == param.info.shape);
  index_.emplace(param.info.name, params_.size());
  params_.push_back(std::move(param));
}

void require_grad(const ParamTable& params) {
  for (const auto& param : params) param.value.set_requires_grad(true);
}

}  // namespace espalier
