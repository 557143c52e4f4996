// dump_logits MODEL_DIR OUT.safetensors TOKEN...: the model's fp32 logits for one sequence, for comparison with a peer.
// dump_logits --make gpt2|llama|llama-untied OUT_DIR: a small random model as a checkpoint folder.
// dump_logits --save MODEL_DIR OUT_DIR: the model as the checkpoint of a run that started from it.
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

void make(const std::string& kind, const fs::path& dir) {
  ModelSpec spec = kind == "gpt2" ? tiny_gpt2(3) : tiny_llama(3);
  spec.tie_embeddings = kind != "llama-untied";
  if (kind == "llama-untied") spec.attention_bias = spec.mlp_bias = true;
  Snapshot snapshot;
  snapshot.state.spec = spec;
  snapshot.state.params = init_params(spec, 11, 0.3, spec.num_layers);
  // Norms and biases away from 1 and 0, so that leaving one out shows.
  for (const auto& param : snapshot.state.params)
    if (!param.info.is_matrix()) param.value.add_(at::linspace(-0.3, 0.4, param.value.numel()));
  snapshot.data_state = "{}";
  save_checkpoint(dir, snapshot, 0, nullptr, 1);
}

void save(const fs::path& model_dir, const fs::path& dir) {
  const LoadedModel model = load_model(model_dir);
  Snapshot snapshot;
  snapshot.state.spec = model.spec;
  snapshot.state.params = model.params;
  snapshot.state.origin.emplace();
  snapshot.state.origin->config = model.config.kept;
  snapshot.data_state = "{}";
  save_checkpoint(dir, snapshot, 0, nullptr, 1);
}

void dump(const fs::path& model_dir, const fs::path& out, const std::vector<int64_t>& ids) {
  const LoadedModel model = load_model(model_dir);
  const at::Tensor tokens = at::tensor(ids, at::kLong).unsqueeze(0);
  const StepShape all = StepShape::everything(model.spec.num_layers);
  write_safetensors(out, {{"logits", forward_logits(model.spec, model.params, tokens, all, ComputeType::fp32)[0]}});
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 3 && arguments[0] == "--make") {
      make(arguments[1], arguments[2]);
    } else if (arguments.size() == 3 && arguments[0] == "--save") {
      save(arguments[1], arguments[2]);
    } else if (arguments.size() > 2) {
      std::vector<int64_t> ids;
      for (size_t i = 2; i < arguments.size(); ++i) ids.push_back(std::atoll(arguments[i].c_str()));
      dump(arguments[0], arguments[1], ids);
    } else {
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
