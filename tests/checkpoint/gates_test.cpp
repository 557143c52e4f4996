// Checkpoints of a model whose new parts are still fading in.
#include <ATen/ATen.h>

#include "catch.h"
#include "core/base/json.h"
#include "core/checkpoint/model_files/hf_param_names.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;
using nlohmann::json;

namespace {

Snapshot gated_snapshot(const ModelSpec& spec) {
  Snapshot snapshot;
  snapshot.state.spec = spec;
  snapshot.state.params = init_params(spec, 3, 0.2, spec.num_layers);
  snapshot.state.step = 5;
  StepShape shape = StepShape::everything(spec.num_layers);
  shape.in_evaluation = true;
  shape.scale = {1.0F, 0.1F};
  shape.unit_gate.assign(static_cast<size_t>(spec.num_layers * spec.d_ff), 1.0F);
  shape.head_gate.assign(static_cast<size_t>(spec.num_layers * spec.num_heads), 1.0F);
  shape.stream_gate.assign(static_cast<size_t>(spec.d_model), 1.0F);
  for (size_t i = 40; i < 48; ++i) shape.unit_gate[i] = 0.1F;
  shape.head_gate[3] = 0.1F;
  for (size_t i = 24; i < 32; ++i) shape.stream_gate[i] = 0.0F;  // their weights are 0 once folded
  snapshot.state.gates = shape;
  snapshot.data_state = "{}";
  return snapshot;
}

at::Tensor logits_of(const ModelSpec& spec, const ParamTable& params, const StepShape& shape) {
  const at::Tensor tokens = at::arange(2 * spec.seq_len, at::kLong).remainder(spec.vocab_size).view({2, spec.seq_len});
  return forward_logits(spec, params, tokens, shape, ComputeType::fp32);
}

json read(const fs::path& path) {
  return json::parse(read_file(path, ErrorCode::checkpoint));
}

}  // namespace

TEST_CASE("closed gates come back with the weights behind them", "[checkpoint][gates]") {
  for (const ModelSpec& spec : {tiny_llama(2), tiny_gpt2(2)}) {
    const TempDir dir;
    const Snapshot snapshot = gated_snapshot(spec);
    const fs::path saved = save_checkpoint(dir.path(), snapshot, 0, nullptr, 3);
    const Snapshot loaded = load_checkpoint(saved);
    REQUIRE(loaded.state.gates.has_value());
    CHECK(*loaded.state.gates == *snapshot.state.gates);
    CHECK(loaded.state.spec == spec);
    const LoadedModel model = load_model(saved);
    CHECK(model.spec == spec);
    CHECK(model.shape == *snapshot.state.gates);
    for (const auto& param : snapshot.state.params) {
      CHECK(param.value.equal(loaded.state.params.at(param.info.name)));
      CHECK(param.value.equal(model.params.at(param.info.name)));
    }
  }
}

TEST_CASE("what plain readers see of a gated model computes the same", "[checkpoint][gates]") {
  const TempDir dir;
  const Snapshot snapshot = gated_snapshot(tiny_llama(2));
  const TrainState& s = snapshot.state;
  const fs::path saved = save_checkpoint(dir.path(), snapshot, 0, nullptr, 3);
  const std::string place = saved.string();
  const json config = read(saved / "config.json");
  CHECK(config.at("model_type") == "llama");
  CHECK_FALSE(config.contains("espalier_gates"));
  const ModelSpec spec = spec_from_hf(config, place);
  CHECK(spec.norm_eps == Approx(s.spec.norm_eps * 24 / 32));
  const ParamTable plain = from_hf(spec, ModelWeights(saved));
  const at::Tensor expected = logits_of(s.spec, s.params, *s.gates);
  CHECK((logits_of(spec, plain, StepShape::everything(2)) - expected).abs().max().item<double>() < 1e-4);
  CHECK((logits_of(s.spec, s.params, StepShape::everything(2)) - expected).abs().max().item<double>() > 1e-2);
}

TEST_CASE("a gated model that no plain layout expresses is not to be read as one", "[checkpoint][gates]") {
  const TempDir dir;
  const fs::path saved = save_checkpoint(dir.path(), gated_snapshot(tiny_gpt2(2)), 0, nullptr, 3);
  const json config = read(saved / "config.json");
  CHECK_FALSE(config.contains("architectures"));
  CHECK(config.at("model_type") == "espalier-gated");
  CHECK(config.at("espalier_gates").get<std::string>().find("fading in") != std::string::npos);
  // Without the gates beside it, it is refused instead of read as the whole model.
  fs::remove_all(saved / "espalier");
  CHECK_THROWS_WITH(load_model(saved), Catch::Contains("espalier-gated"));
}

TEST_CASE("a whole model has no gates file, and one that lies about is not read", "[checkpoint][gates]") {
  const TempDir dir;
  Snapshot snapshot = gated_snapshot(tiny_llama(2));
  const fs::path gated = save_checkpoint(dir.path(), snapshot, 0, nullptr, 3);
  snapshot.state.gates.reset();
  snapshot.state.step = 6;
  const fs::path whole = save_checkpoint(dir.path(), snapshot, 0, nullptr, 3);
  CHECK_FALSE(fs::exists(whole / "espalier" / "gates.safetensors"));
  fs::copy_file(gated / "espalier" / "gates.safetensors", whole / "espalier" / "gates.safetensors");
  CHECK_FALSE(load_checkpoint(whole).state.gates.has_value());
  CHECK_FALSE(load_model(whole).shape.in_evaluation);
}

TEST_CASE("a damaged gates file makes the checkpoint invalid", "[checkpoint][gates]") {
  const TempDir dir;
  const fs::path saved = save_checkpoint(dir.path(), gated_snapshot(tiny_llama(2)), 0, nullptr, 3);
  const fs::path file = saved / "espalier" / "gates.safetensors";
  std::string bytes = read_file(file, ErrorCode::checkpoint);
  bytes[bytes.size() - 3] ^= 1;
  write_file(file, bytes, ErrorCode::checkpoint);
  CHECK_THROWS_WITH(load_checkpoint(saved), Catch::Contains("gates.safetensors"));
  CHECK_THROWS_WITH(load_model(saved), Catch::Contains("gates.safetensors"));
}
