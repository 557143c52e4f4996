// Sampling against the model's own distribution, computed token by token.
#include "core/eval/generate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "catch.h"
#include "core/base/error.h"
#include "core/model/init.h"
#include "eval/plain_loss.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

using Tokens = std::vector<int32_t>;

const ModelSpec kSpec = tiny_llama(1);
const StepShape kShape = StepShape::everything(1);

const ParamTable& weights() {
  static const ParamTable params = init_params(kSpec, 5, 0.3, 1);
  return params;
}

Tokens continued(const Tokens& prompt, const SampleSettings& settings) {
  return generate(kSpec, weights(), kShape, prompt, settings, ComputeType::fp32);
}

// Logits of the token after `text`, of which the model sees the last seq_len tokens.
std::vector<double> logits_after(const Tokens& text) {
  const auto context = std::min<int64_t>(kSpec.seq_len, static_cast<int64_t>(text.size()));
  return plain_logits(kSpec, weights(), kShape, std::vector<int64_t>(text.end() - context, text.end()));
}

// Token ids, the likeliest first.
std::vector<size_t> ranked(const std::vector<double>& logits) {
  std::vector<size_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  return ids;
}

SampleSettings with(int64_t max_tokens, double temperature, int64_t top_k, uint64_t seed = 0) {
  return {max_tokens, temperature, top_k, seed, {}};
}

}  // namespace

TEST_CASE("at temperature 0 each token is the likeliest one, also beyond the context", "[eval][generate]") {
  const Tokens prompt{7, 3, 44};
  Tokens expected, text = prompt;
  for (int i = 0; i < 30; ++i) {
    expected.push_back(static_cast<int32_t>(ranked(logits_after(text)).front()));
    text.push_back(expected.back());
  }
  REQUIRE(std::set<int32_t>(expected.begin(), expected.end()).size() > 1);
  CHECK(continued(prompt, with(30, 0, 50)) == expected);
  CHECK(continued(prompt, with(30, 1e-9, 0, 9)) == expected);
  CHECK(continued(prompt, with(30, 5.0, 1, 9)) == expected);  // a choice of one is none
  CHECK(continued(prompt, with(0, 0, 50)).empty());
}

TEST_CASE("tokens come as often as the distribution at that temperature says", "[eval][generate]") {
  constexpr int kDraws = 4000;
  const Tokens prompt{12, 5};
  const std::vector<double> logits = logits_after(prompt);
  for (const auto& [temperature, top_k] : {std::pair{1.0, 0}, {0.5, 0}, {2.0, 5}, {1.0, 1000}}) {
    INFO("temperature " << temperature << ", top_k " << top_k);
    const std::vector<size_t> ids = ranked(logits);
    const size_t kept = top_k > 0 ? std::min<size_t>(static_cast<size_t>(top_k), ids.size()) : ids.size();
    double sum = 0;
    for (size_t i = 0; i < kept; ++i) sum += std::exp((logits[ids[i]] - logits[ids[0]]) / temperature);
    std::vector<int> count(logits.size(), 0);
    for (int seed = 0; seed < kDraws; ++seed)
      ++count[static_cast<size_t>(continued(prompt, with(1, temperature, top_k, static_cast<uint64_t>(seed)))[0])];
    for (size_t i = 0; i < ids.size(); ++i) {
      const double p = i < kept ? std::exp((logits[ids[i]] - logits[ids[0]]) / temperature) / sum : 0;
      const double found = count[ids[i]] / static_cast<double>(kDraws);
      // Five standard deviations; the seeds are fixed, so this is no matter of luck.
      CHECK(std::abs(found - p) <= 5 * std::sqrt(p * (1 - p) / kDraws) + 1e-12);
    }
  }
}

TEST_CASE("the same seed gives the same text, another one another", "[eval][generate]") {
  const Tokens prompt{1, 2, 3};
  const Tokens first = continued(prompt, with(40, 1.0, 0, 7));
  CHECK(first.size() == 40);
  CHECK(continued(prompt, with(40, 1.0, 0, 7)) == first);
  CHECK(continued(prompt, with(40, 1.0, 0, 8)) != first);
  // A shorter text is the beginning of a longer one.
  CHECK(continued(prompt, with(10, 1.0, 0, 7)) == Tokens(first.begin(), first.begin() + 10));
}

TEST_CASE("a stop token ends the text and is no part of it", "[eval][generate]") {
  const Tokens prompt{1, 2, 3};
  SampleSettings settings = with(40, 1.0, 0, 7);
  const Tokens free = continued(prompt, settings);
  const auto first_of = [&](int32_t token) { return std::find(free.begin(), free.end(), token) - free.begin(); };
  settings.stop_tokens = {free[12]};
  const auto at = first_of(free[12]);
  CHECK(continued(prompt, settings) == Tokens(free.begin(), free.begin() + at));
  settings.stop_tokens = {free[12], free[3]};
  CHECK(continued(prompt, settings) == Tokens(free.begin(), free.begin() + std::min(at, first_of(free[3]))));
  settings.stop_tokens = {free[0]};
  CHECK(continued(prompt, settings).empty());
}

TEST_CASE("nothing is drawn from logits that are not finite", "[eval][generate]") {
  const ParamTable broken = weights().transformed([](const Param& param) {
    return param.info.role == "final_norm" ? at::full_like(param.value, std::numeric_limits<double>::quiet_NaN())
                                           : param.value;
  });
  for (const double temperature : {0.0, 1.0}) {
    try {
      generate(kSpec, broken, kShape, {1}, with(3, temperature, 0), ComputeType::fp32);
      FAIL("drawn");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::checkpoint);
    }
  }
}
