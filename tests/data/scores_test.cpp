#include "core/base/json.h"
#include "core/data/difficulty/scoring.h"

#include <cmath>

#include "core/data/difficulty/npy.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

struct OneShard {
  explicit OneShard(const TempDir& dir, size_t documents) : stem(dir / "s") {
    TokenShardWriter writer(stem, 257);
    for (size_t d = 0; d < documents; ++d) {
      std::vector<int32_t> ids(1 + d % 5, 'a');
      ids.push_back(256);
      writer.append(ids);
    }
    writer.finish();
    shard = std::make_unique<TokenShard>(TokenShard::open(stem.string() + ".bin", 256));
  }
  std::vector<ScoredShard> list() const { return {{"s", stem, "key", shard.get(), {}}}; }

  fs::path stem;
  std::unique_ptr<TokenShard> shard;
};

}  // namespace

TEST_CASE("scores lie beside the shard with the name of their scorer", "[data][scores]") {
  const TempDir dir;
  const OneShard one(dir, 12);
  FunctionScorer scorer([](std::string_view text) { return text.size() == 3 ? NAN : static_cast<float>(text.size()); });
  auto shards = one.list();
  score_shards(shards, *make_byte_tokenizer(), scorer);
  REQUIRE(shards[0].scores.size() == 12);
  CHECK(shards[0].scores[1] == 2);
  CHECK(std::isnan(shards[0].scores[2]));
  fs::path npy;
  for (const auto& entry : fs::directory_iterator(dir.path()))
    if (entry.path().extension() == ".npy") npy = entry.path();
  CHECK(read_npy(npy)[4] == 5);
  const auto info = nlohmann::json::parse(read_file(npy.string() + ".json", ErrorCode::data));
  CHECK(info["scorer"]["id"] == "test");
  CHECK(info["shard"] == "key");

  auto again = one.list();
  score_shards(again, *make_byte_tokenizer(), scorer);
  CHECK(scorer.scored == 12);
  CHECK(again[0].scores[4] == 5);
}

TEST_CASE("a scorer that answers nonsense is an error of the plugin", "[data][scores]") {
  const TempDir dir;
  const OneShard one(dir, 3);
  FunctionScorer infinite([](std::string_view) { return INFINITY; });
  auto shards = one.list();
  const Error error = error_of([&] { score_shards(shards, *make_byte_tokenizer(), infinite); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK_THAT(error.message(), Contains("infinite"));
  struct TooFew : FunctionScorer {
    TooFew() : FunctionScorer([](std::string_view) { return 1.0f; }) {}
    std::vector<float> score(const DocBatch&) override { return {1}; }
  } few;
  CHECK_THAT(error_of([&] { score_shards(shards, *make_byte_tokenizer(), few); }).message(),
             Contains("1 scores for 3 documents"));
}
