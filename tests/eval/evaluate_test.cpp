// Losses against plain loops over the logits: of a batch, of a text in windows, and the figures made of them.
#include "core/eval/evaluate.h"

#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "core/model/init.h"
#include "eval/plain_loss.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

struct Model {
  ModelSpec spec;
  ParamTable params;
  StepShape shape;

  explicit Model(ModelSpec of = tiny_llama(2))
      : spec(std::move(of)),
        params(init_params(spec, 3, 0.3, 1)),  // large enough that tokens are far from equally likely
        shape(StepShape::everything(spec.num_layers)) {}
};

std::vector<int32_t> text_of(size_t tokens) {
  std::vector<int32_t> out;
  for (size_t i = 0; i < tokens; ++i) out.push_back(static_cast<int32_t>((i * i * 7 + 3 * i) % 61));
  return out;
}

}  // namespace

TEST_CASE("the loss of a batch is that of its targets, one by one", "[eval]") {
  for (const ModelSpec& spec : {tiny_llama(2), tiny_gpt2(2)}) {
    const Model model(spec);
    const at::Tensor rows = at::tensor(text_of(3 * 12), at::kLong).view({3, 12});
    const at::Tensor tokens = rows.narrow(1, 0, 11);
    at::Tensor targets = rows.narrow(1, 1, 11).clone();
    double sum = 0, without_padding = 0;
    for (int64_t row = 0; row < 3; ++row) {
      std::vector<int64_t> context;
      for (int64_t at = 0; at < 11; ++at) {
        context.push_back(tokens[row][at].item<int64_t>());
        const double nll =
            plain_nll(plain_logits(spec, model.params, model.shape, context), targets[row][at].item<int64_t>());
        sum += nll;
        if (row != 1 || at < 4) without_padding += nll;
      }
    }
    const Evaluation whole = evaluate_batch(spec, model.params, model.shape, tokens, targets, ComputeType::fp32);
    CHECK(whole.tokens == 33);
    CHECK(whole.bytes == 0);
    CHECK(whole.nll_sum == Approx(sum).epsilon(1e-6));
    CHECK(whole.nll() == Approx(sum / 33).epsilon(1e-6));
    // The second row ends after four targets.
    targets[1].narrow(0, 4, 7).fill_(kIgnoredTarget);
    RowLayout layout;
    layout.padded = true;
    const Evaluation some = evaluate_batch(spec, model.params, model.shape, tokens, targets, ComputeType::fp32, layout);
    CHECK(some.tokens == 33 - 7);
    CHECK(some.nll_sum == Approx(without_padding).epsilon(1e-6));
  }
}

TEST_CASE("evaluating records no graph and leaves no gradient", "[eval]") {
  const Model model;
  require_grad(model.params);
  const at::Tensor tokens = at::tensor(text_of(8), at::kLong).unsqueeze(0);
  evaluate_batch(model.spec, model.params, model.shape, tokens, tokens, ComputeType::fp32);
  for (const auto& param : model.params) CHECK_FALSE(param.value.grad().defined());
}

TEST_CASE("a text is cut into windows, the first token predicted from the start token", "[eval][stream]") {
  const Model model;
  for (const size_t length : {1, 15, 16, 17, 32, 50, 80}) {
    const std::vector<int32_t> text = text_of(length);
    for (const int32_t start : {0, 60}) {
      const double expected = plain_text_nll(model.spec, model.params, model.shape, text, start);
      for (const int64_t micro_batch : {1, 2, 3, 8}) {
        INFO(length << " tokens from " << start << ", " << micro_batch << " windows at a time");
        const Evaluation found =
            evaluate_stream(model.spec, model.params, model.shape, text, start, micro_batch, ComputeType::fp32);
        CHECK(found.tokens == static_cast<int64_t>(length));
        CHECK(found.nll_sum == Approx(expected).epsilon(1e-6));
      }
    }
  }
  const Evaluation nothing = evaluate_stream(model.spec, model.params, model.shape, {}, 0, 8, ComputeType::fp32);
  CHECK(nothing.tokens == 0);
  CHECK(std::isnan(nothing.nll()));
}

TEST_CASE("a model is evaluated as it is shaped", "[eval][stream]") {
  Model model;
  const std::vector<int32_t> text = text_of(20);
  const double whole = plain_text_nll(model.spec, model.params, model.shape, text, 0);
  model.shape.scale.back() = 0.25F;
  const double fading = plain_text_nll(model.spec, model.params, model.shape, text, 0);
  REQUIRE(std::abs(whole - fading) > 0.01);
  CHECK(evaluate_stream(model.spec, model.params, model.shape, text, 0, 8, ComputeType::fp32).nll_sum ==
        Approx(fading).epsilon(1e-6));
}

TEST_CASE("bits a byte, nats a token, and sums of sources", "[eval]") {
  // 6 bits over 4 bytes; and a fair coin is one bit.
  const Evaluation eight{3, 4, 6 * std::log(2.0)};
  CHECK(eight.bits_per_byte() == Approx(1.5).epsilon(1e-15));
  CHECK(eight.nll() == Approx(2 * std::log(2.0)).epsilon(1e-15));
  CHECK(std::isnan(Evaluation{0, 0, 0}.nll()));
  CHECK(std::isnan(Evaluation{5, 0, 1}.bits_per_byte()));
  // Each token counts once, so that a large source weighs more: 10 + 90 tokens of 1 and 3 nats are 2.8 a token.
  const Evaluation total = total_of({{"a", {10, 40, 10}}, {"b", {90, 160, 270}}});
  CHECK(total.tokens == 100);
  CHECK(total.bytes == 200);
  CHECK(total.nll() == Approx(2.8).epsilon(1e-15));
  CHECK(total.bits_per_byte() == Approx(1.4 / std::log(2.0)).epsilon(1e-15));
  CHECK(total_of({}).tokens == 0);
}
