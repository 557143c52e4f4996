// Scorers in a process of their own: the same answers as in this one, and whatever they do costs an error and no more.
#include "core/plugin/isolated_difficulty.h"

#include <chrono>
#include <cmath>
#include <thread>

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::DifficultyScorer;
using espalier::DocBatch;
using espalier::Error;
using espalier::ErrorCode;
using namespace espalier::plugin;
using namespace espalier::test;
using std::chrono::milliseconds;

namespace {

Registry& registry() {
  static Registry all(options_for({kRealPlugins.string(), (kFixtures / "trips.so").string(),
                                   (kFixtures / "standard_score.so").string(), kBent.string()}));
  return all;
}

DifficultyPlugin isolated(const espalier::PluginChoice& choice, milliseconds timeout = std::chrono::minutes(1)) {
  return make_isolated_difficulty(registry(), choice, {}, timeout);
}
DifficultyPlugin trips(const std::string& how, const std::string& in = "score",
                       milliseconds timeout = milliseconds(500)) {
  return isolated(choose("trips", {{"on", value("bad")}, {"how", value(how)}, {"in", value(in)}}), timeout);
}

// Owns the texts of a batch.
struct Docs {
  explicit Docs(const std::vector<std::string>& texts) : ids(texts.size(), 7), token_offsets(texts.size() + 1, 0) {
    for (const auto& one : texts) {
      text += one;
      offsets.push_back(static_cast<int64_t>(text.size()));
    }
  }
  DocBatch batch() const { return {ids, offsets, token_offsets, text, tokens}; }

  std::vector<uint64_t> ids;
  std::vector<int64_t> offsets{0}, token_offsets;
  std::string text;
  std::vector<int32_t> tokens;
};

void fit(DifficultyScorer& scorer, const Docs& docs) {
  scorer.fit_batch(docs.batch());
  scorer.fit_end();
}

}  // namespace

TEST_CASE("an isolated scorer answers as one in this process", "[plugin][difficulty][isolated]") {
  std::vector<std::string> texts{"", "short", std::string(300000, 'x')};
  for (int i = 0; i < 200; ++i) texts.push_back("document number " + std::to_string(i * i));
  const Docs docs(texts);
  for (const std::string name : {"length", "compression"}) {
    const auto here = make_difficulty(registry(), choose(name), {}), there = isolated(choose(name));
    CHECK(there.scorer->fingerprint() == here.scorer->fingerprint());
    CHECK(there.scorer->name() == here.scorer->name());
    CHECK(there.identity.sha256 == here.identity.sha256);
    CHECK(there.identity.params_json == here.identity.params_json);
    CHECK(there.identity.params.size() == here.identity.params.size());
    CHECK(there.scorer->concurrent());
    const auto expected = here.scorer->score(docs.batch()), got = there.scorer->score(docs.batch());
    REQUIRE(got.size() == expected.size());
    for (size_t i = 0; i < got.size(); ++i)
      CHECK((got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))));
  }
}

TEST_CASE("an isolated scorer is used by several threads at once", "[plugin][difficulty][isolated]") {
  const Docs docs({"a", "bb", "ccc"});
  const auto made = isolated(choose("length"));
  const auto expected = made.scorer->score(docs.batch());
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) right += made.scorer->score(docs.batch()) == expected;
      });
  }
  CHECK(right == 200);
}

TEST_CASE("a fit in parts in other processes is the fit of the whole", "[plugin][difficulty][isolated]") {
  const Docs one({"a", "bb"}), two({"ccc", "dddd"}), all({"a", "bb", "ccc", "dddd"});
  const auto whole = trips("throw"), merged = trips("throw");
  fit(*whole.scorer, all);
  REQUIRE(merged.scorer->mergeable());
  REQUIRE(merged.scorer->concurrent_parts());
  for (const Docs* docs : {&two, &one}) {
    const auto part = merged.scorer->another();
    part->fit_batch(docs->batch());
    merged.scorer->fit_merge(part->fit_state());
  }
  merged.scorer->fit_end();
  CHECK(merged.scorer->score(all.batch()) == whole.scorer->score(all.batch()));
  CHECK(whole.scorer->score(one.batch())[1] == 2.0f / 10);
}

TEST_CASE("inputs reach an isolated scorer", "[plugin][difficulty][isolated]") {
  const auto made = isolated(choose("standard_score", {{"of", value("compression")}}));
  CHECK(made.scorer->inputs() == std::vector<std::string>{"compression"});
  const Docs docs({"", "", ""});
  const std::vector<float> inputs{1, 2, 6};
  DocBatch batch = docs.batch();
  batch.inputs = inputs;
  batch.num_inputs = 1;
  made.scorer->fit_batch(batch);
  made.scorer->fit_end();
  CHECK(made.scorer->score(batch)[2] == Approx(3 / std::sqrt(14.0 / 3)));
  CHECK(error_of([&] { made.scorer->score(docs.batch()); }).code() == ErrorCode::internal);  // our own bug
}

TEST_CASE("a scorer that crashes, exits, hangs or fails is named", "[plugin][difficulty][isolated]") {
  const Docs good({"good"}), bad({"good", "very bad"});
  const std::vector<std::pair<std::string, std::string>> cases = {{"crash", "crashed: signal 11 (SIGSEGV)"},
                                                                  {"exit", "ended the process with exit code 3"},
                                                                  {"hang", "did not return from"},
                                                                  {"throw", "tripped over 'bad'"}};
  for (const auto& [how, message] : cases) {
    INFO(how);
    const auto made = trips(how);
    fit(*made.scorer, bad);
    const Error error = error_of([&] { made.scorer->score(bad.batch()); });
    CHECK(error.code() == ErrorCode::plugin);
    CHECK(error.place() == "org.example.test.trips");
    CHECK_THAT(error.message(), Contains(message));
    CHECK(made.scorer->score(good.batch()).size() == 1);  // a copy fell; its original stands

    const auto fitted = trips(how, "fit");
    const Error in_fit = error_of([&] { fit(*fitted.scorer, bad); });
    CHECK(in_fit.code() == ErrorCode::plugin);
    CHECK_THAT(in_fit.message(), Contains(message));
    const Error after = error_of([&] { fitted.scorer->fit_end(); });
    if (how != "throw") CHECK_THAT(after.message(), Contains("its process has ended"));
  }
  CHECK_THAT(error_of([] { trips("crash", "create"); }).message(), Contains("SIGSEGV"));
  CHECK_THAT(error_of([] { trips("hang", "create"); }).message(), Contains("create()"));
}

TEST_CASE("what a user got wrong is found at its place", "[plugin][difficulty][isolated]") {
  const Error refused = error_of([] { trips("throw", "create"); });
  CHECK(refused.code() == ErrorCode::config);
  const Error unknown = error_of([] { isolated(choose("length", {{"unti", value("words")}})); });
  CHECK(unknown.code() == ErrorCode::config);
  CHECK(unknown.place() == "run.toml:9:5");
  CHECK_THAT(error_of([] { isolated(choose("lenght")); }).hint(), Contains("length"));
}

TEST_CASE("answers that cannot be are found on the other side too", "[plugin][difficulty][isolated]") {
  const Docs docs({"a", "b", "c"});
  const auto past = isolated(bent_choice("difficulty", "writes_past_end"));
  CHECK_THAT(error_of([&] { past.scorer->score(docs.batch()); }).message(), Contains("past the end"));
  const auto infinite = isolated(bent_choice("difficulty", "infinite"));
  CHECK_THAT(error_of([&] { infinite.scorer->score(docs.batch()); }).message(), Contains("infinite"));
}

TEST_CASE("a stop ends a call that would not", "[plugin][difficulty][isolated]") {
  std::atomic<bool> stop = false;
  PluginSetup setup;
  setup.stop = &stop;
  const auto made = make_isolated_difficulty(
      registry(), choose("trips", {{"on", value("bad")}, {"how", value("hang")}}), setup, std::chrono::minutes(5));
  const Docs bad({"bad"});
  fit(*made.scorer, bad);
  std::jthread later([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop = true;
  });
  CHECK_THAT(error_of([&] { made.scorer->score(bad.batch()); }).message(), Contains("was stopped in score()"));
}
