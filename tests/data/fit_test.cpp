// Fits in parts: which part a document falls into and the order of merging depend on the data alone.
#include "core/data/difficulty/scorer_fit.h"

#include <array>
#include <chrono>
#include <numeric>
#include <thread>

#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

TokenShard shard_of(const fs::path& stem, const std::vector<size_t>& lengths) {
  TokenShardWriter writer(stem, 257);
  for (const size_t length : lengths) writer.append(std::vector<int32_t>(length, 1));
  writer.finish();
  return TokenShard::open(stem.string() + ".bin", 256);
}

// Remembers in which order it saw documents and merged states.
class Diary : public DifficultyScorer {
 public:
  explicit Diary(bool merges, bool parallel) : merges_(merges), parallel_(parallel) {}
  bool needs_tokens() const override { return false; }
  bool needs_fit() const override { return true; }
  void fit_batch(const DocBatch& docs) override {
    text += "[" + std::to_string(docs.ids.front()) + "]";
    if (docs.ids.front() % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void fit_end() override { text += "."; }
  std::vector<float> score(const DocBatch& docs) override { return std::vector<float>(docs.count(), 0); }
  std::string fingerprint() const override { return "diary"; }
  bool mergeable() const override { return merges_; }
  bool concurrent_parts() const override { return parallel_; }
  std::unique_ptr<DifficultyScorer> another() override { return std::make_unique<Diary>(merges_, parallel_); }
  std::string fit_state() const override { return text; }
  void fit_merge(const std::string& state) override { text += "(" + state + ")"; }

  std::string text;

 private:
  bool merges_, parallel_;
};

// The document's number stands for its contents.
MakeFitRange reader() {
  return [] {
    return [](DifficultyScorer& scorer, const DocRange& range) {
      std::vector<uint64_t> ids(range.last - range.first);
      std::iota(ids.begin(), ids.end(), range.first);
      DocBatch docs;
      docs.ids = ids;
      scorer.fit_batch(docs);
    };
  };
}

}  // namespace

TEST_CASE("documents are cut into ranges that cover each once and never span shards", "[data][fit]") {
  const TempDir dir;
  const TokenShard a = shard_of(dir / "a", {5, 5, 5, 100, 1, 1}), b = shard_of(dir / "b", {3});
  const auto ranges = cut_documents({&a, &b}, 10);
  std::vector<std::array<size_t, 3>> got;
  for (const auto& range : ranges) got.push_back({range.shard, range.first, range.last});
  CHECK(got == std::vector<std::array<size_t, 3>>{{0, 0, 2}, {0, 2, 4}, {0, 4, 6}, {1, 0, 1}});
  const auto parts = fit_parts(ranges, {&a, &b}, 100);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].size() == 2);
  CHECK(fit_parts({}, {}, 100).empty());
}

TEST_CASE("there are at most 16 parts", "[data][fit]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", std::vector<size_t>(1000, 10));
  const auto parts = fit_parts(cut_documents({&shard}, 10), {&shard}, 1);
  CHECK(parts.size() == 16);
  size_t ranges = 0;
  for (const auto& part : parts) ranges += part.size();
  CHECK(ranges == 1000);
}

TEST_CASE("a merged fit does not depend on the number of threads", "[data][fit]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", std::vector<size_t>(60, 10));
  const auto parts = fit_parts(cut_documents({&shard}, 10), {&shard}, 50);
  Diary alone(true, false);
  fit_scorer(alone, parts, reader(), 1);
  CHECK(alone.text.starts_with("([0][1][2][3][4])([5]"));
  CHECK(alone.text.ends_with("[59])."));
  for (const int64_t threads : {1, 2, 5, 40}) {
    Diary parallel(true, true);
    fit_scorer(parallel, parts, reader(), threads);
    CHECK(parallel.text == alone.text);
  }
  Diary plain(false, true);
  fit_scorer(plain, parts, reader(), 4);
  CHECK(plain.text.starts_with("[0][1]"));
}

TEST_CASE("an error in one part ends the fit", "[data][fit]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", std::vector<size_t>(60, 10));
  const auto parts = fit_parts(cut_documents({&shard}, 10), {&shard}, 50);
  const auto failing = [] {
    return [](DifficultyScorer&, const DocRange& range) {
      if (range.first == 31) throw Error(ErrorCode::plugin, "tripped");
    };
  };
  for (const int64_t threads : {1, 3}) {
    Diary diary(true, true);
    CHECK(error_of([&] { fit_scorer(diary, parts, failing, threads); }).message() == "tripped");
  }
}
