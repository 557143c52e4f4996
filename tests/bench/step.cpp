// bench_step fp32|bf16 [cpu|cuda]: training steps of the yardstick GPT (6 layers, width 384, 6 heads, T 256, batch 16,
// vocabulary 65, 10.65M parameters) in a bare loop. Reads a number of steps a line from stdin, answers with the seconds
// they took, so that a peer can take turns with it.
#include <ATen/ATen.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "core/device/device.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "core/optim/adamw.h"

using namespace espalier;

int main(int argc, char** argv) {
  const auto compute = argc > 1 && std::string(argv[1]) == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  const DeviceInfo device = open_device(argc > 2 ? argv[2] : "cpu", 0);
  ModelSpec spec;
  spec.num_layers = 6;
  spec.d_model = 384;
  spec.num_heads = spec.num_kv_heads = 6;
  spec.head_dim = 64;
  spec.d_ff = 1536;
  spec.vocab_size = 65;
  spec.seq_len = 256;
  spec.norm = Norm::layernorm;
  spec.position = Position::learned;
  spec.activation = Activation::gelu;
  const ParamTable params =
      init_params(spec, 1, 0.02, 6).transformed([&](const Param& param) { return param.value.to(device.device); });
  require_grad(params);
  OptimState state;
  const StepShape shape = StepShape::everything(6);
  const auto options = at::TensorOptions(at::kLong).device(device.device);
  const at::Tensor tokens = at::randint(65, {16, 256}, options), targets = at::randint(65, {16, 256}, options);
  for (long steps = 0; std::scanf("%ld", &steps) == 1;) {
    const auto begin = std::chrono::steady_clock::now();
    for (long step = 0; step < steps; ++step) {
      clear_grads(params);
      forward_loss(spec, params, tokens, targets, shape, compute).backward();
      clip_grad_norm(params, 1.0);
      adamw_step({}, 3e-4, params, state);
    }
    if (device.device.is_cuda()) params.begin()->value.sum().item<float>();  // waits for the GPU
    std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::fflush(stdout);
  }
}
