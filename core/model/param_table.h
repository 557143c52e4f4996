// The parameters of a model: an ordered table name -> tensor. No weights hide in modules, so growth, checkpoints, the
// optimizer and tests all speak of parameters by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/spec.h"

namespace espalier {

struct Param {
  ParamInfo info;
  at::Tensor value;
};

class ParamTable {
 public:
  ParamTable() = default;
  // The table of `spec`; every tensor comes from `make(info)`, whose shape must be info.shape.
  template <class Make>
  ParamTable(const ModelSpec& spec, Make&& make) {
    for (auto& info : param_infos(spec)) {
      at::Tensor value = make(info);
      add({std::move(info), std::move(value)});
    }
  }

  const at::Tensor& at(const std::string& name) const;  // the name must exist
  const at::Tensor* find(const std::string& name) const;
  std::vector<Param>::const_iterator begin() const { return params_.begin(); }
  std::vector<Param>::const_iterator end() const { return params_.end(); }
  size_t size() const { return params_.size(); }
  // The same table with other tensors (detached, cast, moved, expressions of operator leaves).
  template <class Map>
  ParamTable transformed(Map&& map) const {
    ParamTable out;
    for (const auto& param : params_) out.add({param.info, map(param)});
    return out;
  }

 private:
  void add(Param param);

  std::vector<Param> params_;
  std::unordered_map<std::string, size_t> index_;
};

// Marks every tensor as a leaf that collects gradients.
void require_grad(const ParamTable& params);

}  // namespace espalier
