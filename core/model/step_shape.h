// What one optimizer step runs and trains: the sub-network, the gates and the freeze map, as data.
#pragma once

#include <cstdint>
#include <vector>

namespace espalier {

struct StepShape {
  std::vector<uint8_t> run{};        // per layer; 0 = bypassed: identity, no cost, optimizer state rests
  std::vector<float> scale{};        // per layer: factor on its residual branches
  std::vector<uint8_t> trainable{};  // per layer, then embedding, final norm, head
  // Factors on parts of the width; empty = all ones. Heads and units with 0 are not computed.
  std::vector<float> head_gate{};    // [num_layers * num_heads], on each head's output
  std::vector<float> unit_gate{};    // [num_layers * d_ff], on each hidden unit of the MLP
  std::vector<float> stream_gate{};  // [d_model], on what norms read of the residual stream and put out
  uint32_t phase = 0;                // of the stage, as schedules see it
  // Scales and gates belong to the model as it stands (new parts that fade in), so that evaluation takes them, too;
  // else they are a choice of this step alone (a sub-network).
  bool in_evaluation = false;

  static StepShape everything(int64_t num_layers) {
    const auto n = static_cast<size_t>(num_layers);
    StepShape shape;
    shape.run.assign(n, 1);
    shape.scale.assign(n, 1.0F);
    shape.trainable.assign(n + 3, 1);
    return shape;
  }
  // How the model of this step is evaluated: every layer runs, with the step's scales and gates only where they belong
  // to the model.
  StepShape evaluated() const {
    StepShape shape = everything(static_cast<int64_t>(run.size()));
    if (!in_evaluation) return shape;
    shape.scale = scale;
    shape.head_gate = head_gate;
    shape.unit_gate = unit_gate;
    shape.stream_gate = stream_gate;
    shape.in_evaluation = true;
    return shape;
  }
  size_t num_layers() const { return run.size(); }
  bool embed_trainable() const { return trainable[run.size()] != 0; }
  bool final_norm_trainable() const { return trainable[run.size() + 1] != 0; }
  bool head_trainable() const { return trainable[run.size() + 2] != 0; }
  friend bool operator==(const StepShape&, const StepShape&) = default;
};

}  // namespace espalier
