#include "core/base/json.h"
#include "core/data/stream/token_stream.h"

#include <fmt/format.h>

#include <map>

#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kSeqLen = 16;

struct Sample {
  std::vector<int32_t> tokens;
  RowOrigin origin;
  friend bool operator==(const Sample&, const Sample&) = default;
};

// Reads up to `batches` batches of `micro_batch` rows.
std::vector<Sample> read(TokenStream& stream, size_t batches, size_t micro_batch = 1) {
  std::vector<Sample> samples;
  const auto width = static_cast<size_t>(stream.seq_len()) + 1;
  std::vector<int32_t> tokens(micro_batch * width);
  std::vector<RowOrigin> rows(micro_batch);
  for (size_t b = 0; b < batches && stream.fill(tokens, rows); ++b)
    for (size_t r = 0; r < micro_batch; ++r)
      samples.push_back(
          {{tokens.begin() + static_cast<long>(r * width), tokens.begin() + static_cast<long>((r + 1) * width)},
           rows[r]});
  return samples;
}

float length_score(std::string_view text) {
  return static_cast<float>(text.size());
}

// Three sources in three tiers.
PreparedData small_data(const TempDir& dir, const std::string& exhausted = "repeat") {
  DataConfig config = random_config(dir, 7, {40, 25, 60});
  config.exhausted = exhausted;
  FunctionScorer scorer(length_score);
  return prepare_bytes(config, &scorer, 3);
}

TokenStream make_stream(const PreparedData& data, uint64_t seed = 1) {
  return {data, {.seed = seed, .seq_len = kSeqLen}};
}

}  // namespace

TEST_CASE("a stream resumed from its state goes on as if never stopped", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir);
  const MixtureWeights changed{{}, {1, 0.5, 0}};
  TokenStream whole = make_stream(data);
  const auto per_epoch = static_cast<size_t>(whole.tokens_per_epoch() / kSeqLen);
  const size_t change_at = per_epoch + 7, total = 3 * per_epoch;
  std::vector<StreamState> states;
  std::vector<Sample> samples;
  for (size_t i = 0; i < total; ++i) {
    if (i == change_at) whole.set_weights(changed);
    states.push_back(whole.state());
    samples.push_back(read(whole, 1).at(0));
  }
  for (size_t i = 0; i < total; i += i % 11 == 0 ? 1 : 5) {
    TokenStream resumed = make_stream(data);
    resumed.restore(stream_state_from_json(nlohmann::json::parse(to_json(states[i]).dump())));
    CHECK(resumed.state() == states[i]);
    for (size_t k = i; k < std::min(i + 30, total); ++k) {
      if (k == change_at) resumed.set_weights(changed);
      REQUIRE(read(resumed, 1).at(0) == samples[k]);
    }
  }
}

TEST_CASE("the order does not depend on the micro-batch", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir);
  TokenStream one = make_stream(data);
  const auto expected = read(one, 120, 1);
  for (const size_t micro_batch : {2, 3, 8, 40}) {
    TokenStream stream = make_stream(data);
    CHECK(read(stream, 120 / micro_batch, micro_batch) == expected);
    CHECK(stream.state() == one.state());
  }
}

TEST_CASE("ranks share the samples of one stream, whatever their number", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir);
  TokenStream one = make_stream(data);
  const auto expected = read(one, 96, 1);
  for (const int64_t world_size : {2, 3, 4}) {
    std::vector<Sample> joined(96);
    for (int64_t rank = 0; rank < world_size; ++rank) {
      TokenStream stream(data, {.seed = 1, .seq_len = kSeqLen, .rank = rank, .world_size = world_size});
      const auto mine = read(stream, static_cast<size_t>(96 / world_size), 1);
      for (size_t i = 0; i < mine.size(); ++i)
        joined[i * static_cast<size_t>(world_size) + static_cast<size_t>(rank)] = mine[i];
      CHECK(stream.state() == one.state());  // a checkpoint fits any number of ranks
    }
    CHECK(joined == expected);
  }
}

TEST_CASE("with natural weights every window is seen once an epoch, up to the draws in flight", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir, "stop");
  TokenStream stream = make_stream(data);
  const auto windows = static_cast<size_t>(stream.tokens_per_epoch() / kSeqLen);
  const auto samples = read(stream, windows * 2);
  CHECK(samples.size() == windows);  // each source stops when it has been seen, then the stream ends
  std::map<std::pair<int32_t, int32_t>, std::map<std::vector<int32_t>, int>> seen;
  for (const auto& sample : samples) ++seen[{sample.origin.source, sample.origin.tier}][sample.tokens];
  for (const auto& [cell, tokens] : seen)
    for (const auto& [window, times] : tokens) CHECK(times == 1);
  CHECK(stream.epoch(stream.state()) == Approx(1.0));
}

TEST_CASE("rows come from the documents of their source and tier", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir);
  TokenStream stream = make_stream(data);
  const auto tokenizer = make_byte_tokenizer();
  for (const auto& sample : read(stream, 200)) {
    const auto& source = data.sources[static_cast<size_t>(sample.origin.source)];
    std::string joined;
    for (size_t d = 0; d < source.tiers.size(); ++d) {
      if (source.tiers[d] != sample.origin.tier) continue;
      std::vector<int32_t> ids(source.train.length(d));
      source.train.copy(source.train.offset(d), ids);
      for (const int32_t id : ids) joined += static_cast<char>(id == 256 ? '|' : id);
    }
    // The first whole word of the row up to its document's end occurs in that tier.
    std::string row;
    for (const int32_t id : sample.tokens) row += static_cast<char>(id == 256 ? '|' : id);
    CHECK_THAT(joined, Contains(row.substr(0, row.find('|'))));
  }
}

TEST_CASE("a used-up source repeats, stops or fails as configured", "[data][stream]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 3, {10, 30});
  const auto windows_of = [&](const PreparedData& data, size_t s) {
    return (data.sources[s].train.num_tokens() - 1) / kSeqLen;
  };
  SECTION("repeat draws on for ever") {
    const PreparedData data = prepare_bytes(config);
    TokenStream stream = make_stream(data);
    CHECK(read(stream, 500).size() == 500);
  }
  SECTION("stop leaves the mixture to the others") {
    config.sources[0].exhausted = "stop";
    const PreparedData data = prepare_bytes(config);
    TokenStream stream = make_stream(data);
    uint64_t from_first = 0;
    for (const auto& sample : read(stream, 500)) from_first += sample.origin.source == 0 ? 1 : 0;
    CHECK(from_first == windows_of(data, 0));
    const StreamState state = stream.state();
    TokenStream resumed = make_stream(data);
    resumed.restore(state);
    for (const auto& sample : read(resumed, 50)) CHECK(sample.origin.source == 1);
  }
  SECTION("error names the source and the step") {
    config.sources[1].exhausted = "error";
    const PreparedData data = prepare_bytes(config);
    TokenStream stream(data, {.seed = 1, .seq_len = kSeqLen, .samples_per_step = 4});
    const Error error = error_of([&] { read(stream, 500); });
    CHECK(error.code() == ErrorCode::data);
    CHECK_THAT(error.message(), Contains("\"s1\" is used up at step " + std::to_string(stream.state().index / 4 + 1)));
  }
  SECTION("an incomplete batch at the end is left out") {
    config.exhausted = "stop";
    const PreparedData data = prepare_bytes(config);
    TokenStream stream = make_stream(data);
    CHECK(read(stream, 500, 7).size() == (windows_of(data, 0) + windows_of(data, 1)) / 7 * 7);
  }
}

TEST_CASE("a source shorter than a window repeats inside it or is an error", "[data][stream]") {
  const TempDir dir;
  DataConfig config = byte_config(dir, {source("tiny", put(dir / "a.txt", "abc"))});
  const PreparedData data = prepare_bytes(config);
  TokenStream stream = make_stream(data);
  const std::vector<int32_t> expected{'a', 'b', 'c', 256, 'a', 'b', 'c', 256, 'a',
                                      'b', 'c', 256, 'a', 'b', 'c', 256, 'a'};
  CHECK(read(stream, 1).at(0).tokens == expected);
  config.exhausted = "stop";
  const PreparedData strict = prepare_bytes(config);
  const Error error = error_of([&] { make_stream(strict); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.message(), Contains("\"tiny\" has 4 tokens"));
}

TEST_CASE("a state of another run is refused", "[data][stream]") {
  const TempDir dir, other_dir;
  const PreparedData data = small_data(dir);
  const StreamState state = make_stream(data).state();
  const auto refusal = [&](TokenStream stream) { return error_of([&] { stream.restore(state); }); };
  CHECK(refusal({data, {.seed = 1, .seq_len = kSeqLen * 2}}).code() == ErrorCode::config);
  CHECK_THAT(refusal({data, {.seed = 1, .seq_len = kSeqLen * 2}}).message(), Contains("seq_len 16"));
  CHECK_THAT(refusal(make_stream(data, 2)).message(), Contains("seed 1"));
  CHECK(refusal(make_stream(data, 2)).place() == "job.seed");
  const PreparedData other = prepare_bytes(random_config(other_dir, 8, {40, 25, 60}));
  CHECK(refusal(make_stream(other)).code() == ErrorCode::data);
  CHECK(error_of([] { stream_state_from_json({{"index", 1}}); }).code() == ErrorCode::checkpoint);
  CHECK(error_of([] { stream_state_from_json("text"); }).code() == ErrorCode::checkpoint);
  const nlohmann::json good = to_json(state);
  for (const auto& [key, bad] :
       std::vector<std::pair<const char*, nlohmann::json>>{{"index", -1},
                                                           {"index", 1e300},
                                                           {"index", nullptr},
                                                           {"drawn", {-1}},
                                                           {"drawn", 3},
                                                           {"drawn", {"x"}},
                                                           {"credit", {nullptr}},
                                                           {"seq_len", 1.5},
                                                           {"seq_len", 0},
                                                           {"seq_len", 18446744073709551615ULL},
                                                           {"open_cell", 4294967296},
                                                           {"data", 1},
                                                           {"source_weights", {{1}}},
                                                           {"block_tokens", -8},
                                                           {"packing", 1}}) {
    nlohmann::json altered = good;
    altered[key] = bad;
    INFO(altered.dump());
    CHECK(error_of([&] { stream_state_from_json(altered); }).code() == ErrorCode::checkpoint);
  }
  CHECK(error_of([&] {
          TokenStream(data, {.seed = 1, .seq_len = kSeqLen, .block_tokens = int64_t{1} << 40});
        }).place() == "data.block_tokens");
}

TEST_CASE("realised fractions of tokens are the requested ones", "[data][stream]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 5, {200, 50, 100});
  config.sources[0].weight = 0.2;
  config.sources[1].weight = 0.7;
  config.sources[2].weight = 0.1;
  FunctionScorer scorer(length_score);
  const PreparedData data = prepare_bytes(config, &scorer, 4);
  TokenStream stream = make_stream(data);
  const auto fractions = [&](const std::vector<Sample>& samples, bool by_tier) {
    std::vector<double> f(by_tier ? 4 : 3, 0.0);
    for (const auto& s : samples)
      f[static_cast<size_t>(by_tier ? s.origin.tier : s.origin.source)] += 1.0 / static_cast<double>(samples.size());
    return f;
  };
  const auto by_source = fractions(read(stream, 400), false);
  CHECK(std::abs(by_source[0] - 0.2) < 0.01);
  CHECK(std::abs(by_source[1] - 0.7) < 0.01);
  stream.set_weights({{}, {4, 3, 2, 1}});
  const auto by_tier = fractions(read(stream, 400), true);
  for (size_t t = 0; t < 4; ++t) CHECK(std::abs(by_tier[t] - 0.1 * static_cast<double>(4 - t)) < 0.01);
}

// A new value here means that every user's data order changes: raise the shard format version and say so in the change
// log.
TEST_CASE("the order of a tiny corpus never changes", "[data][stream]") {
  const TempDir dir;
  const PreparedData data = small_data(dir);
  TokenStream stream = make_stream(data, 1234);
  std::string all;
  const auto add = [&](const std::vector<Sample>& samples) {
    for (const auto& sample : samples) {
      all += fmt::format("{} {}:", sample.origin.source, sample.origin.tier);
      for (const int32_t id : sample.tokens) all += fmt::format(" {}", id);
    }
  };
  add(read(stream, 400));
  stream.set_weights({{1, 2, 3}, {0, 1, 1}});
  add(read(stream, 100));
  CHECK(sha256_bytes(all) == "07581b9e75eb8dd54833e7762835af734ba7c1b3bc8b3a9a2a23b4c21af2f000");
}
