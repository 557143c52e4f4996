// Kept scores are used again only where they are those of this scorer and this corpus, whole.
#include "core/data/difficulty/side_car.h"
#include "core/base/json.h"

#include <cmath>

#include "core/data/difficulty/npy.h"
#include "core/data/difficulty/scoring.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

// Document d of 1 + d % 5 letters.
struct OneShard {
  OneShard(const TempDir& dir, const std::string& name, size_t documents) : stem(dir / name) {
    TokenShardWriter writer(stem, 257);
    for (size_t d = 0; d < documents; ++d) {
      std::vector<int32_t> ids(1 + d % 5, 'a');
      ids.push_back(256);
      writer.append(ids);
    }
    writer.finish();
    shard = std::make_unique<TokenShard>(TokenShard::open(stem.string() + ".bin", 256));
  }
  ScoredShard plain() const { return {stem.filename().string(), stem, "key of " + stem.string(), shard.get(), {}}; }

  fs::path stem;
  std::unique_ptr<TokenShard> shard;
};

float length(std::string_view text) {
  return static_cast<float>(text.size());
}

void edit_json(const fs::path& path, const std::function<void(nlohmann::json&)>& edit) {
  auto info = nlohmann::json::parse(read_file(path, ErrorCode::data));
  edit(info);
  put(path, info.dump());
}

// What others ask for: the length times a factor, "times { by = 2 }" as "2".
class Times : public InputScorers {
 public:
  std::unique_ptr<DifficultyScorer> make(const std::string& input, const std::string&) override {
    const float factor = std::stof(input);
    auto made = std::make_unique<FunctionScorer>([factor](std::string_view text) { return factor * length(text); });
    made->name = "times " + input;
    return made;
  }
};

// The sum of its inputs.
class Sum : public DifficultyScorer {
 public:
  explicit Sum(std::vector<std::string> of) : of_(std::move(of)) {}
  bool needs_tokens() const override { return false; }
  bool needs_fit() const override { return false; }
  void fit_batch(const DocBatch&) override {}
  void fit_end() override {}
  std::string fingerprint() const override { return "sum"; }
  std::vector<std::string> inputs() const override { return of_; }
  std::vector<float> score(const DocBatch& docs) override {
    std::vector<float> out;
    for (size_t i = 0; i < docs.count(); ++i) {
      out.push_back(0);
      for (size_t k = 0; k < docs.num_inputs; ++k) out.back() += docs.inputs[i * docs.num_inputs + k];
    }
    return out;
  }

 private:
  std::vector<std::string> of_;
};

size_t files_in(const TempDir& dir, const std::string& part) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(dir.path()))
    count += entry.path().filename().string().find(part) != std::string::npos ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a side-car that is not whole or not of this corpus is made again", "[data][scores]") {
  const TempDir dir;
  const OneShard one(dir, "s", 12);
  const auto tokenizer = make_byte_tokenizer();
  FunctionScorer scorer(length);
  std::vector<ScoredShard> first{one.plain()};
  score_shards(first, *tokenizer, scorer);
  const fs::path npy = first[0].side_car, json = npy.string() + ".json";
  const std::string whole = read_file(npy, ErrorCode::data), about = read_file(json, ErrorCode::data);
  const auto flip = [&](size_t at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    put(npy, bytes);
  };
  const std::vector<std::pair<std::string, std::function<void()>>> damages = {
      {"truncated", [&] { put(npy, whole.substr(0, whole.size() - 3)); }},
      {"empty", [&] { put(npy, ""); }},
      {"another type", [&] { put(npy, std::string(whole).replace(whole.find("<f4"), 3, "<i4")); }},
      {"a changed score", [&] { flip(whole.size() - 2); }},
      {"no json", [&] { fs::remove(json); }},
      {"half a json", [&] { put(json, about.substr(0, about.size() / 2)); }},
      {"another corpus", [&] { edit_json(json, [](auto& info) { info["shard"] = "other"; }); }},
      {"another scorer", [&] { edit_json(json, [](auto& info) { info["scorer"]["version"] = "2"; }); }},
      {"another length", [&] { edit_json(json, [](auto& info) { info["documents"] = 11; }); }},
      {"other fit", [&] { edit_json(json, [](auto& info) { info["fitted_on"] = "x"; }); }},
      {"fewer scores",
       [&] {
         write_npy(npy, std::vector<float>(11, 1));
         edit_json(json, [&](auto& info) { info["npy_sha256"] = sha256_file(npy, ErrorCode::data); });
       }},
  };
  for (const auto& [name, damage] : damages) {
    INFO(name);
    damage();
    scorer.scored = 0;
    std::vector<ScoredShard> again{one.plain()};
    const auto report = score_shards(again, *tokenizer, scorer);
    CHECK(scorer.scored == 12);
    CHECK(report.reused == 0);
    CHECK(again[0].scores == first[0].scores);
    CHECK(read_file(npy, ErrorCode::data) == whole);
    CHECK(read_file(json, ErrorCode::data) == about);
  }
  scorer.scored = 0;
  std::vector<ScoredShard> again{one.plain()};
  CHECK(score_shards(again, *tokenizer, scorer).reused == 12);
  CHECK(scorer.scored == 0);
}

TEST_CASE("a scorer that fails names the documents and leaves nothing half-made", "[data][scores]") {
  const TempDir dir;
  const OneShard a(dir, "a", 3), b(dir, "b", 4);
  const auto tokenizer = make_byte_tokenizer();
  FunctionScorer scorer([](std::string_view text) -> float {
    if (text.size() == 4) throw Error(ErrorCode::plugin, "tripped", "the scorer");
    return 1;
  });
  std::vector<ScoredShard> shards{a.plain(), b.plain()};
  const Error error = error_of([&] { score_shards(shards, *tokenizer, scorer); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "the scorer");
  CHECK_THAT(error.message(), Contains("tripped") && Contains("\"b\"") && Contains("documents 0 to 3") &&
                                  Contains((dir / "b.bin").string()));
  CHECK(files_in(dir, "b.") == 2);        // its shard alone: .bin and .idx
  CHECK(fs::exists(shards[0].side_car));  // what was finished before stays
  CHECK(files_in(dir, "tmp") == 0);
}

TEST_CASE("too many documents without a score are an error", "[data][scores]") {
  const TempDir dir;
  const OneShard one(dir, "s", 10);
  FunctionScorer scorer([](std::string_view text) { return text.size() < 3 ? NAN : 1.0f; });  // 4 of 10
  ScoringOptions options;
  options.max_unscored = 0.4;
  std::vector<ScoredShard> shards{one.plain()};
  CHECK(score_shards(shards, *make_byte_tokenizer(), scorer, options).unscored == 4);
  options.max_unscored = 0.39;
  const Error error = error_of([&] { score_shards(shards, *make_byte_tokenizer(), scorer, options); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK_THAT(error.message(), Contains("4 of 10 documents") && Contains("difficulty.max_unscored = 0.39"));
}

TEST_CASE("a scorer sees the scores it asks for, and shares their side-cars", "[data][scores]") {
  const TempDir dir;
  const OneShard a(dir, "a", 7), b(dir, "b", 5);
  const auto tokenizer = make_byte_tokenizer();
  Times times;
  ScoringOptions options;
  options.inputs = &times;
  Sum sum({"2", "10"});
  std::vector<ScoredShard> shards{a.plain(), b.plain()};
  score_shards(shards, *tokenizer, sum, options);
  CHECK(shards[0].scores == std::vector<float>{12, 24, 36, 48, 60, 12, 24});
  CHECK(shards[1].scores == std::vector<float>{12, 24, 36, 48, 60});
  const size_t files = files_in(dir, ".npy");
  CHECK(files == 2 * 2 * 3);

  Sum other({"2", "3"});
  std::vector<ScoredShard> more{a.plain(), b.plain()};
  score_shards(more, *tokenizer, other, options);
  CHECK(more[0].scores[1] == 10);
  CHECK(more[0].side_car != shards[0].side_car);  // the same scorer over other inputs
  CHECK(files_in(dir, ".npy") == files + 2 * 2 * 2);

  CHECK_THAT(error_of([&] { score_shards(more, *tokenizer, other); }).message(), Contains("asks for other scores"));
}

TEST_CASE("inputs that ask for themselves come to an end", "[data][scores]") {
  const TempDir dir;
  const OneShard one(dir, "s", 3);
  struct Endless : InputScorers {
    std::unique_ptr<DifficultyScorer> make(const std::string& input, const std::string&) override {
      return std::make_unique<Sum>(std::vector<std::string>{input});
    }
  } endless;
  ScoringOptions options;
  options.inputs = &endless;
  Sum sum({"again"});
  std::vector<ScoredShard> shards{one.plain()};
  CHECK_THAT(error_of([&] { score_shards(shards, *make_byte_tokenizer(), sum, options); }).message(),
             Contains("inputs of inputs"));
}
