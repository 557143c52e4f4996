#include "core/plugin/difficulty_adapter.h"

#include <cmath>
#include <thread>

#include "catch.h"
#include "core/base/file.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::DocBatch;
using espalier::Error;
using espalier::ErrorCode;
using espalier::plugin::DifficultyPlugin;
using espalier::plugin::make_difficulty;
using namespace espalier::test;

namespace {

// Three documents: "easy", "", "a longer one".
struct Docs {
  std::vector<uint64_t> ids{1, 2, 3};
  std::vector<int64_t> offsets{0, 4, 4, 16};
  std::string text = "easya longer one";
  std::vector<int64_t> token_offsets{0, 1, 1, 3};
  std::vector<int32_t> tokens{10, 11, 12};
  DocBatch batch() const { return {ids, offsets, token_offsets, text, tokens}; }
};

DifficultyPlugin make(const std::string& mode) {
  return make_difficulty(bent(), bent_choice("difficulty", mode), {});
}

std::string score_error(const std::string& mode) {
  const Docs docs;
  const DifficultyPlugin made = make(mode);
  const Error error = error_of([&] { made.scorer->score(docs.batch()); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "org.example.test.bent_difficulty");
  return error.message();
}

}  // namespace

TEST_CASE("a scorer gives one number a document", "[plugin][difficulty]") {
  const Docs docs;
  const DifficultyPlugin made = make("good");
  CHECK_FALSE(made.scorer->needs_tokens());
  CHECK_FALSE(made.scorer->needs_fit());
  CHECK(made.scorer->score(docs.batch()) == std::vector<float>{4, 0, 12});
  CHECK(made.scorer->score({}).empty());
  CHECK_NOTHROW(made.scorer->fit_batch(docs.batch()));
  CHECK_NOTHROW(made.scorer->fit_end());
}

TEST_CASE("a scorer may say that it cannot say", "[plugin][difficulty]") {
  const Docs docs;
  for (const float score : make("cannot_say").scorer->score(docs.batch())) CHECK(std::isnan(score));
}

TEST_CASE("wrong answers of a scorer are named", "[plugin][difficulty]") {
  CHECK_THAT(score_error("no_output"), Contains("left document 1 of 3 without a score"));
  CHECK_THAT(score_error("infinite"), Contains("document 0 of 3 an infinite score"));
  CHECK_THAT(score_error("writes_past_end"), Contains("past the end"));
  CHECK_THAT(score_error("fails"), Contains("the moon is in the wrong phase"));
  CHECK_THAT(score_error("fails_silently"), Contains("without saying why"));
  CHECK_THAT(error_of([] { make("no_fit_end"); }).message(), Contains("lacks fit_batch or fit_end"));
  CHECK_THAT(error_of([] { make("odd_needs"); }).message(), Contains("does not know (bits 0x40)"));
}

TEST_CASE("a scorer that is not reentrant may still be used from several threads", "[plugin][difficulty]") {
  const Docs docs;
  const DifficultyPlugin made = make("good");
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) right += made.scorer->score(docs.batch()) == std::vector<float>{4, 0, 12};
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 400);
}

TEST_CASE("the fingerprint of a scorer changes with its parameters", "[plugin][difficulty]") {
  const std::string one = make("good").scorer->fingerprint();
  CHECK(make("good").scorer->fingerprint() == one);
  CHECK(make("cannot_say").scorer->fingerprint() != one);
  CHECK(one.find('\n') == std::string::npos);
  CHECK_THAT(one, Contains("org.example.test.bent_difficulty") && Contains("sha256") && Contains("1.0.0"));
}

TEST_CASE("the fingerprint of a scorer changes with the files that its parameters name", "[plugin][difficulty]") {
  const TempDir dir;
  const fs::path reference = dir.path() / "reference.txt";
  const auto fingerprint_over = [&](const std::string& text) {
    espalier::write_file(reference, text, ErrorCode::data);
    espalier::plugin::Registry registry(options_for({kRealPlugins.string()}));
    return make_difficulty(registry, choose("ngram-lm", {{"reference", value(reference.string())}}), {})
        .scorer->fingerprint();
  };
  const std::string one = fingerprint_over("the cat sat on the mat\n");
  CHECK(fingerprint_over("the cat sat on the mat\n") == one);
  CHECK(fingerprint_over("the dog sat on the mat\n") != one);
}

TEST_CASE("a scorer written with the SDK works through the adapter", "[plugin][difficulty]") {
  const Docs docs;
  espalier::plugin::Registry registry(options_for({(kRealPlugins / "length.so").string()}));
  const DifficultyPlugin made = make_difficulty(registry, choose("length"), {});
  const std::vector<float> scores = made.scorer->score(docs.batch());
  REQUIRE(scores.size() == 3);
  CHECK(scores[0] < scores[2]);
}
