// The decoder once more: plain loops over doubles, one token after the other, written from the published formulas and
// the meaning of each field of ModelSpec and StepShape. What core/model computes is held against it. No tensor library;
// for small models only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model/spec.h"
#include "core/model/step_shape.h"
#include "model/oracle_formulas.h"

namespace espalier::oracle {

struct Model {
  ModelSpec spec;
  std::map<std::string, Values> params;  // by name, row by row
};

struct Batch {
  int64_t rows = 0, length = 0;
  std::vector<int64_t> tokens, targets;  // [rows, length]; a target below 0 counts for nothing
  std::vector<int64_t> segments;         // [rows, length], equal within a document; empty: a row is one text
  bool restart_positions = false;        // learned positions count from the start of each document
};

// Added to one entry of a parameter wherever the step trains it, but not where it is used frozen.
struct Nudge {
  std::string param;
  size_t index = 0;
  double by = 0;
};

// [rows, length, vocab]
Values logits(const Model& model, const Batch& batch, const StepShape& shape, const Nudge& nudge = {});
// Mean of -log p(target) over the targets that count, in nats; 0 without any.
double loss(const Model& model, const Batch& batch, const StepShape& shape, const Nudge& nudge = {});
// Of the loss by one entry of a parameter, as far as the step trains it: a central difference.
double derivative(const Model& model, const Batch& batch, const StepShape& shape, const std::string& param,
                  size_t index);

}  // namespace espalier::oracle
