// The score of a document under a model is what evaluating it as a text gives, and what plain loops give.
#include "core/eval/document_loss.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "catch.h"
#include "core/base/error.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/data/tokenizer/byte_tokenizer.h"
#include "core/eval/evaluate.h"
#include "core/model/init.h"
#include "eval/plain_loss.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;

namespace {

// A model folder with the byte tokenizer, whose end of text is 256.
struct Folder {
  TempDir dir;
  ModelSpec spec = tiny_llama(1);
  ParamTable params;

  explicit Folder(int64_t vocab_size = 257, uint64_t seed = 3) {
    spec.vocab_size = vocab_size;
    params = init_params(spec, seed, 0.3, 1);
    write();
  }
  void write(const std::string& original = "{}") const {
    write_model(dir.path(), spec, params, std::nullopt, 256, original);
    make_byte_tokenizer()->save_hf(dir.path());
  }
  std::unique_ptr<DifficultyScorer> scorer() const {
    return make_document_loss(dir.path(), c10::Device(c10::kCPU), "run.toml:4:1");
  }
};

// Documents in memory as the data layer hands them on.
struct Documents {
  std::string text;
  std::vector<int64_t> offsets{0};
  std::vector<uint64_t> ids;

  explicit Documents(const std::vector<std::string>& texts) {
    for (const std::string& each : texts) {
      text += each;
      offsets.push_back(static_cast<int64_t>(text.size()));
      ids.push_back(ids.size());
    }
  }
  DocBatch batch() const { return {ids, offsets, {}, text, {}}; }
};

std::vector<int32_t> bytes_of(const std::string& text) {
  std::vector<int32_t> out;
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  return out;
}

// Shorter than a window of 16, as long, longer, of several bytes a letter, of one byte.
const std::vector<std::string> kTexts{
    "the cat sat", "exactly sixteen.",  "a text that is longer than two windows of it", "caf\u00e9 \u65e5\u672c",
    "x",           std::string(64, 'a')};

}  // namespace

TEST_CASE("a document's score is its bits per byte, whatever is scored beside it", "[eval][document-loss]") {
  const Folder folder;
  const auto scorer = folder.scorer();
  const std::vector<float> together = scorer->score(Documents(kTexts).batch());
  REQUIRE(together.size() == kTexts.size());
  const StepShape shape = StepShape::everything(1);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    INFO(kTexts[i]);
    const std::vector<int32_t> tokens = bytes_of(kTexts[i]);
    Evaluation stream = evaluate_stream(folder.spec, folder.params, shape, tokens, 256, 8, ComputeType::fp32);
    stream.bytes = static_cast<int64_t>(kTexts[i].size());
    const double plain = plain_text_nll(folder.spec, folder.params, shape, tokens, 256) / std::log(2.0) /
                         static_cast<double>(kTexts[i].size());
    CHECK(together[i] == Approx(stream.bits_per_byte()).epsilon(1e-5));
    CHECK(together[i] == Approx(plain).epsilon(1e-5));
    CHECK(scorer->score(Documents({kTexts[i]}).batch())[0] == Approx(together[i]).epsilon(1e-5));
  }
}

TEST_CASE("the model's own beginning of a text is what the first token follows", "[eval][document-loss]") {
  const Folder folder;
  const float from_end = folder.scorer()->score(Documents({"x"}).batch())[0];
  folder.write(R"({"bos_token_id": 17})");
  const float from_start = folder.scorer()->score(Documents({"x"}).batch())[0];
  const StepShape shape = StepShape::everything(1);
  const auto plain = [&](int32_t start) {
    return plain_text_nll(folder.spec, folder.params, shape, {'x'}, start) / std::log(2.0);
  };
  CHECK(from_end == Approx(plain(256)).epsilon(1e-5));
  CHECK(from_start == Approx(plain(17)).epsilon(1e-5));
  CHECK(std::abs(from_end - from_start) > 0.01);
}

TEST_CASE("a document without text cannot be scored, and the others are", "[eval][document-loss]") {
  const auto scorer = Folder().scorer();
  const std::vector<float> scores = scorer->score(Documents({"", "abc", ""}).batch());
  CHECK(std::isnan(scores[0]));
  CHECK(std::isfinite(scores[1]));
  CHECK(std::isnan(scores[2]));
  CHECK(scorer->score(Documents({}).batch()).empty());
}

TEST_CASE("its identity is that of the weights and the tokenizer", "[eval][document-loss]") {
  const Folder a, same, other(257, 4), wider(300, 3);
  CHECK(a.scorer()->fingerprint() == same.scorer()->fingerprint());
  CHECK(a.scorer()->fingerprint() != other.scorer()->fingerprint());
  CHECK(a.scorer()->fingerprint() != wider.scorer()->fingerprint());
  CHECK(a.scorer()->name() == "host.loss");
}

TEST_CASE("a model that cannot score is refused with its place", "[eval][document-loss]") {
  const auto refusal = [](const std::function<void()>& work, ErrorCode code) -> std::string {
    try {
      work();
    } catch (const Error& error) {
      CHECK(error.code() == code);
      return error.place() + " " + error.message();
    }
    return "accepted";
  };
  const TempDir empty;
  CHECK_THAT(
      refusal([&] { make_document_loss(empty.path(), c10::Device(c10::kCPU), "run.toml:4:1"); }, ErrorCode::config),
      Contains("run.toml:4:1 there is no model in"));
  const Folder small(256);
  CHECK_THAT(refusal([&] { small.scorer(); }, ErrorCode::checkpoint),
             Contains(small.dir.path().string()) && Contains("the tokenizer has 257 tokens, the model 256"));
  Folder broken;
  broken.params.at("final_norm.weight").fill_(std::numeric_limits<double>::quiet_NaN());
  broken.write();
  CHECK_THAT(refusal([&] { broken.scorer()->score(Documents({"abc"}).batch()); }, ErrorCode::checkpoint),
             Contains(broken.dir.path().string()) && Contains("not finite"));
}
