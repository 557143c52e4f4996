// The promises of the sampler, each on random data, weights, lengths and ranks. A failure prints its seed.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "core/base/json.h"
#include "core/data/stream/token_stream.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

// One random set-up: data, packing, lengths.
struct Case {
  TempDir dir;
  PreparedData data;
  StreamOptions options;
  Rng rng;
  uint64_t tiers, sources;

  explicit Case(uint64_t seed, ExhaustedPolicy policy = ExhaustedPolicy::repeat, uint64_t longest = 60)
      : rng(seed, "test.sampler"), tiers(1 + rng.below(3, 0)), sources(1 + rng.below(4, 1)) {
    for (uint64_t s = 0; s < sources; ++s)
      add_numbered_source(data, dir, mix64(seed, s), random_lengths(mix64(seed, s), 30 + rng.below(60, s, 1), longest),
                          tiers, policy, seed % 3 == 0 ? 0 : 0.05 + rng.uniform(s, 2));
    options.seed = seed;
    options.seq_len = int64_t{1} << (1 + rng.below(4, 2));
    options.block_tokens = options.seq_len * (int64_t{1} << rng.below(3, 3));
    options.packing = seed % 2 == 0 ? Packing::concat : Packing::best_fit;
  }
  // The weights of a stage: sources, tiers or both, now and then without one of them.
  MixtureWeights weights(uint64_t stage) const {
    MixtureWeights out;
    if (rng.below(3, stage, 10) > 0)
      for (uint64_t s = 0; s < sources; ++s) out.sources.push_back(0.1 + rng.uniform(stage, 20 + s));
    if (rng.below(3, stage, 11) > 0)
      for (uint64_t t = 0; t < tiers; ++t)
        out.tiers.push_back(t > 0 && rng.below(4, stage, 12) == 0 ? 0 : 0.1 + rng.uniform(stage, 40 + t));
    return out;
  }
  uint64_t rows_per_block() const { return static_cast<uint64_t>(options.block_tokens / options.seq_len); }
};

struct Sample {
  std::vector<int32_t> tokens;
  RowOrigin origin;
  friend bool operator==(const Sample&, const Sample&) = default;
};

bool read(TokenStream& stream, Sample& sample) {
  sample.tokens.resize(static_cast<size_t>(stream.seq_len()) + 1);
  return stream.fill(sample.tokens, {&sample.origin, 1});
}

std::vector<Sample> read(TokenStream& stream, size_t count) {
  std::vector<Sample> samples;
  for (Sample sample; samples.size() < count && read(stream, sample);) samples.push_back(sample);
  return samples;
}

StreamState through_json(const StreamState& state) {
  return stream_state_from_json(nlohmann::json::parse(to_json(state).dump()));
}

// The documented formula: shares of the sources, from the weights and the documents' lengths.
std::vector<double> requested_fractions(const PreparedData& data, const MixtureWeights& weights) {
  const size_t sources = data.sources.size(), tiers = data.tiers.size();
  std::vector<double> tokens(sources * tiers, 0), size(sources, 0), fractions(sources, 0);
  bool weighted = false;
  for (size_t s = 0; s < sources; ++s) {
    weighted = weighted || data.sources[s].weight > 0;
    for (size_t d = 0; d < data.sources[s].tiers.size(); ++d) {
      const auto length = static_cast<double>(data.sources[s].train.length(d));
      tokens[s * tiers + data.sources[s].tiers[d]] += length;
      size[s] += length;
    }
  }
  double total = 0;
  for (size_t t = 0; t < tiers; ++t) {
    std::vector<double> part(sources);
    double mass = 0;
    for (size_t s = 0; s < sources; ++s) {
      const double w = !weights.sources.empty() ? weights.sources[s] : weighted ? data.sources[s].weight : size[s];
      mass += part[s] = w * tokens[s * tiers + t] / size[s];
    }
    for (size_t s = 0; s < sources; ++s) {
      const double share = weights.tiers.empty() ? part[s] : mass > 0 ? weights.tiers[t] * part[s] / mass : 0;
      fractions[s] += share;
      total += share;
    }
  }
  for (double& fraction : fractions) fraction /= total;
  return fractions;
}

}  // namespace

TEST_CASE("no token is used twice before its cell's epoch ends, and none is left out but the rest", "[data][sampler]") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    const Case c(seed);
    TokenStream stream(c.data, c.options);
    // The tokens that count: inputs where documents are joined, targets where they are packed.
    const size_t shift = c.options.packing == Packing::concat ? 0 : 1;
    struct Seen {
      std::set<int32_t> tokens;
      uint64_t epochs = 0, positions = 0;
    };
    std::map<std::pair<int32_t, int32_t>, Seen> cells;
    std::map<std::pair<int32_t, int32_t>, uint64_t> sizes;
    for (size_t s = 0; s < c.data.sources.size(); ++s)
      for (size_t d = 0; d < c.data.sources[s].tiers.size(); ++d)
        sizes[{static_cast<int32_t>(s), c.data.sources[s].tiers[d]}] += c.data.sources[s].train.length(d);
    const auto block = static_cast<uint64_t>(c.options.block_tokens);
    for (Sample sample; stream.state().index < 3000;) {
      if (stream.state().index % 100 == 0) stream.set_weights(c.weights(stream.state().index / 100));
      REQUIRE(read(stream, sample));
      const std::pair cell{sample.origin.source, sample.origin.tier};
      const uint64_t tokens = sizes[cell];
      if (c.options.packing == Packing::concat && tokens < block + 1) continue;  // repeated inside the block
      Seen& seen = cells[cell];
      for (size_t i = shift; i + 1 < sample.origin.tokens + shift; ++i)
        REQUIRE(seen.tokens.insert(sample.tokens[i]).second);
      seen.positions += static_cast<uint64_t>(c.options.seq_len);
      const bool over = c.options.packing == Packing::concat
                            ? seen.tokens.size() == (tokens - 1) / block * block
                            : seen.tokens.size() == tokens && seen.positions % block == 0;
      REQUIRE(seen.tokens.size() <= tokens);
      if (!over) continue;
      seen = {{}, seen.epochs + 1, 0};
    }
    uint64_t epochs = 0;
    for (const auto& [cell, seen] : cells) epochs = std::max(epochs, seen.epochs);
    CHECK((epochs > 0 || cells.empty()));
  }
}

TEST_CASE("a row's origin is the document and the place in it that its tokens come from", "[data][sampler]") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    const Case c(seed);
    TokenStream stream(c.data, c.options), places(c.data, c.options);
    const size_t at = c.options.packing == Packing::concat ? 0 : 1;
    for (const auto& [tokens, origin] : read(stream, 400)) {
      const auto& source = c.data.sources[static_cast<size_t>(origin.source)];
      REQUIRE(source.tiers[origin.document] == origin.tier);
      if (at < origin.tokens)
        REQUIRE(source.train.offset(origin.document) + origin.offset == static_cast<uint64_t>(tokens[at]));
      RowOrigin place;
      REQUIRE(places.locate({&place, 1}));
      REQUIRE(place == origin);
    }
    CHECK(places.state() == stream.state());
  }
}

TEST_CASE("realised token fractions are within one percent of the requested in every stage", "[data][sampler]") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    const Case c(seed, ExhaustedPolicy::repeat, 12);
    TokenStream stream(c.data, c.options);
    for (uint64_t stage = 0; stage < 4; ++stage) {
      stream.set_weights(c.weights(stage));
      const auto requested = requested_fractions(c.data, c.weights(stage)), said = stream.source_fractions();
      for (size_t s = 0; s < said.size(); ++s) CHECK(said[s] == Approx(requested[s]));
      std::vector<double> tokens(c.data.sources.size(), 0);
      double total = 0;
      const uint64_t blocks = 500 + c.rng.below(300, stage, 50);
      RowOrigin row;
      for (uint64_t i = 0; i < blocks * c.rows_per_block(); ++i) {
        REQUIRE(stream.locate({&row, 1}));
        const auto text = static_cast<double>(std::max<uint64_t>(row.tokens, 1) - 1);
        tokens[static_cast<size_t>(row.source)] += text;
        total += text;
      }
      for (size_t s = 0; s < tokens.size(); ++s) CHECK(std::abs(tokens[s] / total - requested[s]) < 0.01);
    }
  }
}

TEST_CASE("a stream resumed anywhere, on any number of ranks, is the uninterrupted one", "[data][sampler]") {
  for (uint64_t seed = 0; seed < 24; ++seed) {
    INFO("seed " << seed);
    const Case c(seed);
    constexpr uint64_t kStep = 840;  // samples between changes of the weights: a multiple of 1 to 8
    constexpr uint64_t kTotal = 3 * kStep;
    TokenStream whole(c.data, c.options);
    std::vector<StreamState> states;
    std::vector<Sample> samples(kTotal);
    for (uint64_t i = 0; i < kTotal; ++i) {
      if (i % kStep == 0) whole.set_weights(c.weights(i / kStep));
      states.push_back(whole.state());
      REQUIRE(read(whole, samples[i]));
    }
    for (int64_t world = 1; world <= 8; ++world) {
      const uint64_t from = c.rng.below(kTotal - 200, static_cast<uint64_t>(world), 60);
      const auto ranks = static_cast<uint64_t>(world);
      const uint64_t until = std::min((from / kStep + 1) * kStep + 80, kTotal);  // past a change of weights
      for (int64_t rank = 0; rank < world; ++rank) {
        StreamOptions options = c.options;
        options.rank = rank;
        options.world_size = world;
        TokenStream resumed(c.data, options);
        resumed.restore(through_json(states[from]));
        REQUIRE(resumed.state() == states[from]);
        for (uint64_t i = from; i + ranks <= until; i += ranks) {
          if (i / kStep != (i + ranks - 1) / kStep) break;  // a batch lies between two steps, never across
          if (i % kStep < ranks && i > from) resumed.set_weights(c.weights(i / kStep));
          Sample sample;
          REQUIRE(read(resumed, sample));
          uint64_t mine = i;
          while (mine % ranks != static_cast<uint64_t>(rank)) ++mine;
          REQUIRE(sample == samples[mine]);
        }
      }
    }
  }
}

TEST_CASE("another seq_len reads the same tokens in the same order, also when it changes on resume",
          "[data][sampler]") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    Case c(seed);
    c.options.block_tokens = 32;
    constexpr uint64_t kStage = 320, kTokens = 1920;  // a change of weights inside a block
    const auto length_of = [&](uint64_t at) { return int64_t{2} << c.rng.below(5, at, 70); };  // 2 to 32
    const auto options_of = [&](int64_t seq_len) {
      StreamOptions options = c.options;
      options.seq_len = seq_len;
      return options;
    };
    // All inputs, the last target left out; seq_len by position.
    const auto inputs = [&](auto seq_len_at) {
      std::vector<int32_t> all;
      int64_t seq_len = seq_len_at(0);
      auto stream = std::make_unique<TokenStream>(c.data, options_of(seq_len));
      while (all.size() < kTokens) {
        const int64_t wanted = seq_len_at(all.size());
        if (wanted != seq_len && all.size() % static_cast<uint64_t>(wanted) == 0) {
          const StreamState state = through_json(stream->state());
          stream = std::make_unique<TokenStream>(c.data, options_of(seq_len = wanted));
          stream->restore(state);
        }
        if (all.size() % kStage == 0) stream->set_weights(c.weights(all.size() / kStage));
        Sample sample;
        REQUIRE(read(*stream, sample));
        all.insert(all.end(), sample.tokens.begin(), sample.tokens.end() - 1);
      }
      return all;
    };
    const auto expected = inputs([](uint64_t) { return int64_t{32}; });
    for (const int64_t seq_len : {2, 4, 8, 16}) REQUIRE(inputs([&](uint64_t) { return seq_len; }) == expected);
    REQUIRE(inputs([&](uint64_t at) { return length_of(at / 64); }) == expected);
  }
}

TEST_CASE("a position inside a row of the new seq_len is refused, and so are other blocks", "[data][sampler]") {
  Case c(2);
  c.options.seq_len = 8;
  c.options.block_tokens = 32;
  TokenStream stream(c.data, c.options);
  read(stream, 5);
  const auto refusal = [&](int64_t seq_len, int64_t block_tokens, Packing packing = Packing::concat) {
    StreamOptions options = c.options;
    options.seq_len = seq_len;
    options.block_tokens = block_tokens;
    options.packing = packing;
    TokenStream other(c.data, options);
    return error_of([&] { other.restore(stream.state()); });
  };
  CHECK(refusal(16, 32).place() == "training.seq_len");
  CHECK_THAT(refusal(16, 32).message(), Contains("8 tokens into a block"));
  CHECK(refusal(8, 64).place() == "data.block_tokens");
  CHECK(refusal(8, 32, Packing::best_fit).place() == "data.packing");
  StreamState state = stream.state();
  state.open_cell = 99;
  CHECK(error_of([&] { TokenStream(c.data, c.options).restore(state); }).code() == ErrorCode::checkpoint);
  c.options.block_tokens = 20;
  CHECK(error_of([&] { TokenStream(c.data, c.options); }).place() == "data.block_tokens");
}

TEST_CASE("states from before blocks are read as blocks of one sample", "[data][sampler]") {
  Case c(4);
  c.options.block_tokens = 0;
  TokenStream stream(c.data, c.options);
  read(stream, 7);
  auto json = to_json(stream.state());
  for (const char* key : {"block_tokens", "packing", "open_cell"}) json.erase(key);
  TokenStream resumed(c.data, c.options);
  resumed.restore(stream_state_from_json(json));
  CHECK(read(resumed, 50) == read(stream, 50));
}

TEST_CASE("stop and error end a cell exactly at the end of its epoch", "[data][sampler]") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    const auto policy = seed % 4 < 2 ? ExhaustedPolicy::stop : ExhaustedPolicy::error;
    Case c(seed, policy);
    c.options.seq_len = 2;
    c.options.block_tokens = seed % 3 == 0 ? 2 : 8;
    TokenStream stream(c.data, c.options);
    stream.set_weights(c.weights(0).sources.empty() ? MixtureWeights{} : MixtureWeights{c.weights(0).sources, {}});
    const auto per_epoch = static_cast<uint64_t>(stream.tokens_per_epoch() / c.options.seq_len);
    std::map<std::pair<int32_t, int32_t>, std::set<std::pair<uint64_t, uint64_t>>> places;
    RowOrigin row;
    const auto read_on = [&] {
      while (stream.state().index < 2 * per_epoch && stream.locate({&row, 1}))
        if (row.tokens == static_cast<uint64_t>(c.options.seq_len) + 1)
          REQUIRE(places[{row.source, row.tier}].insert({row.document, row.offset}).second);
    };
    if (policy == ExhaustedPolicy::stop) {
      read_on();
      CHECK(stream.state().index == per_epoch);
      CHECK_FALSE(stream.locate({&row, 1}));
    } else {
      CHECK_THAT(error_of(read_on).message(), Contains("is used up"));
      CHECK(stream.state().index <= per_epoch);
    }
  }
}

TEST_CASE("restoring far into a run costs what it costs at the start", "[data][sampler]") {
  Case c(6);
  TokenStream stream(c.data, c.options);
  read(stream, 10 * c.rows_per_block());
  StreamState far = stream.state();
  // The 10^9th block: every cell is where its share of the draws puts it.
  for (size_t i = 0; i < far.drawn.size(); ++i) far.drawn[i] += uint64_t{1'000'000'000} / far.drawn.size();
  far.index = uint64_t{1'000'000'000} * c.rows_per_block();
  const auto begin = std::chrono::steady_clock::now();
  TokenStream resumed(c.data, c.options);
  resumed.restore(far);
  const auto samples = read(resumed, 4 * c.rows_per_block());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
  // Each is the block of its cell that the count of draws names.
  std::vector<uint64_t> drawn = far.drawn;
  const StreamState after = resumed.state();
  CHECK(after.index == far.index + 4 * c.rows_per_block());
  uint64_t more = 0;
  for (size_t i = 0; i < drawn.size(); ++i) more += after.drawn[i] - drawn[i];
  CHECK(more == 4);
  TokenStream again(c.data, c.options);
  again.restore(far);
  CHECK(read(again, 4 * c.rows_per_block()) == samples);
}
