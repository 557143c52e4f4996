#include "core/data/stream/data_loader.h"

#include <chrono>
#include <thread>

#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kSeqLen = 12, kMicroBatch = 3;

TokenStream make_stream(const PreparedData& data) {
  return {data, {.seed = 5, .seq_len = kSeqLen}};
}

struct Step {
  std::vector<int32_t> tokens;
  std::vector<RowOrigin> rows;
  StreamState after;
};

// The weights in force at a step of the reference run below.
MixtureWeights weights_at(size_t step) {
  if (step < 7) return {};
  if (step < 20) return {{1, 3}, {}};
  return {{1, 1 + static_cast<double>(step % 4)}, {}};
}

// The same steps without a loader.
std::vector<Step> reference(const PreparedData& data, size_t steps) {
  TokenStream stream = make_stream(data);
  std::vector<Step> all(steps);
  for (size_t i = 0; i < steps; ++i) {
    stream.set_weights(weights_at(i));
    all[i].tokens.resize(kMicroBatch * (kSeqLen + 1));
    all[i].rows.resize(kMicroBatch);
    REQUIRE(stream.fill(all[i].tokens, all[i].rows));
    all[i].after = stream.state();
  }
  return all;
}

}  // namespace

TEST_CASE("prefetching changes neither batches nor state, with weights changing at exact steps", "[data][loader]") {
  const TempDir dir;
  const PreparedData data = prepare_bytes(random_config(dir, 2, {20, 20}));
  const auto expected = reference(data, 60);
  for (const int64_t prefetch : {1, 2, 7, 100}) {
    DataLoader loader(make_stream(data), kMicroBatch, prefetch);
    TokenBatch batch;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (i % 9 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // let the queue fill
      loader.set_weights(weights_at(i));
      REQUIRE(loader.next(batch));
      REQUIRE(batch.tokens == expected[i].tokens);
      REQUIRE(batch.rows == expected[i].rows);
      REQUIRE(loader.state() == expected[i].after);
    }
    CHECK(loader.take_wait_seconds() >= 0);
    CHECK(loader.take_wait_seconds() == 0);
  }
}

TEST_CASE("a loader goes on from any saved position", "[data][loader]") {
  const TempDir dir;
  const PreparedData data = prepare_bytes(random_config(dir, 2, {20, 20}));
  const auto expected = reference(data, 40);
  DataLoader loader(make_stream(data), kMicroBatch, 3);
  TokenBatch batch;
  for (const size_t from : {30, 0, 6, 7, 8, 19, 20, 21}) {
    loader.restore(expected[from].after);
    for (size_t i = from + 1; i < std::min<size_t>(from + 10, expected.size()); ++i) {
      loader.set_weights(weights_at(i));
      REQUIRE(loader.next(batch));
      REQUIRE(batch.tokens == expected[i].tokens);
    }
  }
  CHECK(loader.epoch() > 0);
}

TEST_CASE("errors of the stream come out of next, after the batches before them", "[data][loader]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 2, {20});
  config.exhausted = "error";
  const PreparedData data = prepare_bytes(config);
  const auto windows = (data.sources[0].train.num_tokens() - 1) / kSeqLen;
  for (const int64_t prefetch : {1, 50}) {
    DataLoader loader(make_stream(data), kMicroBatch, prefetch);
    TokenBatch batch;
    for (uint64_t i = 0; i < windows / kMicroBatch; ++i) REQUIRE(loader.next(batch));
    for (int again = 0; again < 2; ++again)
      CHECK_THAT(error_of([&] { loader.next(batch); }).message(), Contains("used up"));
    loader.restore(make_stream(data).state());
    CHECK(loader.next(batch));
  }
}

TEST_CASE("a stream that ends stays ended", "[data][loader]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 2, {20});
  config.exhausted = "stop";
  const PreparedData data = prepare_bytes(config);
  DataLoader loader(make_stream(data), kMicroBatch, 2);
  TokenBatch batch;
  uint64_t batches = 0;
  while (loader.next(batch)) ++batches;
  CHECK(batches == (data.sources[0].train.num_tokens() - 1) / kSeqLen / kMicroBatch);
  CHECK_FALSE(loader.next(batch));
  CHECK(loader.state().index == batches * kMicroBatch);
}

TEST_CASE("refused weights leave the loader where it was", "[data][loader]") {
  const TempDir dir;
  const PreparedData data = prepare_bytes(random_config(dir, 2, {20, 20}));
  const auto expected = reference(data, 5);
  DataLoader loader(make_stream(data), kMicroBatch, 4);
  TokenBatch batch;
  REQUIRE(loader.next(batch));
  CHECK(error_of([&] { loader.set_weights({{1, 2, 3}, {}}); }).code() == ErrorCode::config);
  REQUIRE(loader.next(batch));
  CHECK(batch.tokens == expected[1].tokens);
}
