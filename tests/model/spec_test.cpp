#include <cmath>
#include <cstdint>
#include <set>

#include "catch.h"
#include "core/model/flops.h"
#include "core/model/init.h"
#include "core/model/param_table.h"

using namespace espalier;

namespace {

// GPT-2 small, whose parameter count is public: 124,439,808.
ModelSpec gpt2_small() {
  ModelSpec s;
  s.num_layers = 12;
  s.d_model = 768;
  s.num_heads = s.num_kv_heads = 12;
  s.head_dim = 64;
  s.d_ff = 3072;
  s.vocab_size = 50257;
  s.seq_len = 1024;
  s.norm = Norm::layernorm;
  s.position = Position::learned;
  s.activation = Activation::gelu;
  s.attention_bias = s.mlp_bias = true;
  return s;
}

// Llama-3.2-1B: 1,235,814,400 parameters (the model card's 1.23B).
ModelSpec llama_1b() {
  ModelSpec s;
  s.num_layers = 16;
  s.d_model = 2048;
  s.num_heads = 32;
  s.num_kv_heads = 8;
  s.head_dim = 64;
  s.d_ff = 8192;
  s.vocab_size = 128256;
  s.seq_len = 2048;
  return s;
}

}  // namespace

TEST_CASE("parameter counts of well-known models", "[model][spec]") {
  CHECK(num_params(gpt2_small()) == 124439808);
  CHECK(num_params(llama_1b()) == 1235814400);
}

TEST_CASE("sizes whose products would overflow are refused by name", "[model][spec]") {
  const int64_t huge = INT64_MAX, limit = (int64_t{1} << 31) - 1, wide = int64_t{1} << 20;
  CHECK(check_spec(llama_1b()).key.empty());
  for (int64_t ModelSpec::*size : {&ModelSpec::d_model, &ModelSpec::d_ff, &ModelSpec::vocab_size, &ModelSpec::seq_len,
                                   &ModelSpec::head_dim, &ModelSpec::num_layers}) {
    for (const int64_t value : {huge, limit + 1, int64_t{0}, int64_t{-1}, INT64_MIN}) {
      ModelSpec spec = llama_1b();
      spec.*size = value;
      INFO(value);
      CHECK(check_spec(spec).message.find(std::to_string(value)) != std::string::npos);
    }
  }
  ModelSpec spec = llama_1b();
  spec.d_model = spec.d_ff = wide;  // each fits, their product times the layers does not
  spec.num_layers = 10000;
  CHECK(check_spec(spec).message.find("2^53 parameters") != std::string::npos);
  CHECK(check_spec(spec).key == "d_model");
  spec = llama_1b();
  spec.num_layers = 70000;
  CHECK(check_spec(spec).key == "num_layers");
}

TEST_CASE("eps and theta that are no numbers are refused by name", "[model][spec]") {
  for (const double value : {std::nan(""), HUGE_VAL, 0.0, -1e-5}) {
    ModelSpec eps = llama_1b(), theta = llama_1b();
    eps.norm_eps = theta.rope_theta = value;
    CHECK(check_spec(eps).key == "norm_eps");
    CHECK(check_spec(theta).key == "rope_theta");
  }
}

TEST_CASE("parameter names are unique, and a tied head is not listed", "[model][spec]") {
  for (ModelSpec spec : {gpt2_small(), llama_1b()}) {
    std::set<std::string> names;
    for (const auto& info : param_infos(spec)) CHECK(names.insert(info.name).second);
    CHECK(names.count("lm_head.weight") == 0);
    spec.tie_embeddings = false;
    CHECK(num_params(spec) - spec.vocab_size * spec.d_model == static_cast<int64_t>(num_params([&] {
            auto t = spec;
            t.tie_embeddings = true;
            return t;
          }())));
  }
}

TEST_CASE("numbers that do not fit together are named by their key", "[model][spec]") {
  ModelSpec spec = llama_1b();
  CHECK(check_spec(spec).message.empty());
  spec.num_kv_heads = 5;
  CHECK(check_spec(spec).key == "num_kv_heads");
  spec = llama_1b();
  spec.head_dim = 7;
  CHECK(check_spec(spec).key == "head_dim");
  spec = llama_1b();
  spec.d_ff = 0;
  CHECK(check_spec(spec).key == "d_ff");
}

TEST_CASE("a full step costs three forwards; frozen and bypassed layers cost less", "[model][flops]") {
  const ModelSpec spec = gpt2_small();
  const StepShape all = StepShape::everything(12);
  const FlopCount full = flops_per_token(spec, all);
  CHECK(full.total() == Approx(3 * full.forward));
  // 6 N + 12 L d T with N the matrices' parameters (PaLM, appendix B).
  const double matrices = 12.0 * (4 * 768.0 * 768 + 2 * 768.0 * 3072) + 768.0 * 50257;
  CHECK(full.total() == Approx(6 * matrices + 12.0 * 12 * 768 * 1024));

  StepShape half = all;
  for (size_t i = 0; i < 6; ++i) half.run[i] = 0;
  const double head = 6 * 768.0 * 50257;
  CHECK(flops_per_token(spec, half).total() - head == Approx((full.total() - head) / 2));

  StepShape frozen = all;  // embedding and lower half frozen: forward only below
  for (size_t i = 0; i < 6; ++i) frozen.trainable[i] = 0;
  frozen.trainable[12] = 0;
  CHECK(flops_per_token(spec, frozen).total() - head == Approx((full.total() - head) / 2 * (1 + 1.0 / 3)));

  StepShape top_frozen = all;  // upper half frozen: forward and activation gradients pass through
  for (size_t i = 6; i < 12; ++i) top_frozen.trainable[i] = 0;
  CHECK(flops_per_token(spec, top_frozen).forward == full.forward);
  CHECK(flops_per_token(spec, top_frozen).activation_grad == full.activation_grad);
  CHECK(flops_per_token(spec, top_frozen).weight_grad < full.weight_grad);
}

TEST_CASE("init is a function of seed and name alone", "[model][init]") {
  ModelSpec spec = llama_1b();
  spec.num_layers = 2;
  spec.d_model = 64;
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 16;
  spec.d_ff = 96;
  spec.vocab_size = 300;
  const ParamTable two = init_params(spec, 5, 0.02, 4), other = init_params(spec, 6, 0.02, 4);
  spec.num_layers = 3;
  const ParamTable three = init_params(spec, 5, 0.02, 4);
  for (const auto& param : two) {
    CHECK(param.value.equal(three.at(param.info.name)));
    if (param.info.is_matrix()) CHECK_FALSE(param.value.equal(other.at(param.info.name)));
  }
  CHECK(two.at("embed.weight").std().item<double>() == Approx(0.02).epsilon(0.05));
  CHECK(two.at("layers.0.attn.o.weight").std().item<double>() == Approx(0.02 / std::sqrt(8.0)).epsilon(0.05));
}
