// Models, batches and step shapes on which core/model is held against the oracle: a table that touches every option,
// and as many more as wanted, drawn by their number.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/model/forward.h"
#include "model/oracle.h"

namespace espalier::oracle {

struct Case {
  std::string name;
  Model model;
  Batch batch;
  StepShape shape;
};

std::vector<Case> table_cases();
// Everything about it is a function of `number`; its spec passes check_spec.
Case drawn_case(uint64_t number);
// What stands in a report of a failure.
std::string description(const Case& one);

// For core/model: the same numbers as tensors.
ParamTable tensors_of(const Model& model, at::ScalarType type);
at::Tensor ids(const std::vector<int64_t>& values, const Batch& batch);
RowLayout layout_of(const Batch& batch);

}  // namespace espalier::oracle
