// What one optimizer step runs and trains: the sub-network and the freeze map, as data.
#pragma once

#include <cstdint>
#include <vector>

namespace espalier {

struct StepShape {
  std::vector<uint8_t> run;        // per layer; 0 = bypassed: identity, no cost, optimizer state rests
  std::vector<float> scale;        // per layer: factor on its residual branches
  std::vector<uint8_t> trainable;  // per layer, then embedding, final norm, head

  static StepShape everything(int64_t num_layers) {
    const auto n = static_cast<size_t>(num_layers);
    return {std::vector<uint8_t>(n, 1), std::vector<float>(n, 1.0F), std::vector<uint8_t>(n + 3, 1)};
  }
  size_t num_layers() const { return run.size(); }
  bool embed_trainable() const { return trainable[run.size()] != 0; }
  bool final_norm_trainable() const { return trainable[run.size() + 1] != 0; }
  bool head_trainable() const { return trainable[run.size() + 2] != 0; }
  friend bool operator==(const StepShape&, const StepShape&) = default;
};

}  // namespace espalier
