#include "core/data/tokenizer/tiktoken_ranks.h"

#include <map>

#include "core/data/tokenizer/bpe_training.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) bits = bits << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string rank_file(const std::vector<std::string>& tokens) {
  std::string file;
  for (size_t i = 0; i < tokens.size(); ++i) file += base64(tokens[i]) + " " + std::to_string(i) + "\n";
  return file;
}

std::vector<std::string> bytes() {
  std::vector<std::string> tokens;
  for (int byte = 255; byte >= 0; --byte) tokens.emplace_back(1, static_cast<char>(byte));  // in an order of their own
  return tokens;
}

// The ranks of `tokens` after those of the bytes.
std::vector<std::string> with(const std::vector<std::string>& tokens) {
  auto all = bytes();
  all.insert(all.end(), tokens.begin(), tokens.end());
  return all;
}

// tiktoken's way: of all pairs the one whose joined bytes have the lowest rank, the leftmost of those.
std::vector<int32_t> by_joined_bytes(const std::vector<std::string>& tokens, const std::string& piece) {
  std::map<std::string, int32_t> ranks;
  for (size_t i = 0; i < tokens.size(); ++i) ranks[tokens[i]] = static_cast<int32_t>(i);
  if (ranks.count(piece) != 0) return {ranks[piece]};
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  for (;;) {
    int32_t best = INT32_MAX;
    size_t at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found != ranks.end() && found->second < best) {
        best = found->second;
        at = i;
      }
    }
    if (best == INT32_MAX) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
  std::vector<int32_t> ids;
  for (const auto& part : parts) ids.push_back(ranks[part]);
  return ids;
}

Error refused(std::string_view file, const std::string& pattern = "gpt2") {
  const TempDir dir;
  const auto path = put(dir / "t.tiktoken", file);
  const Error error = error_of([&] { load_tokenizer(path, pattern); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.place(), Contains(path.string()));
  return error;
}

}  // namespace

TEST_CASE("ranks that come from no training give tiktoken's ids", "[data][tiktoken]") {
  // Tokens of a two-letter alphabet in a random order: many can be reached in several ways, or not at all.
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Rng rng(seed, "test.ranks");
    std::vector<std::string> tokens = bytes();
    for (uint64_t i = 0; i < 40; ++i) {
      std::string token;
      for (uint64_t j = 0; j < 2 + rng.below(6, i); ++j) token += rng.below(2, i * 10 + j, 1) == 0 ? 'a' : 'b';
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    }
    const auto tokenizer = make_bpe(tiktoken_parts(rank_file(tokens), "gpt2", "test"), "test");
    for (uint64_t i = 0; i < 60; ++i) {
      std::string piece;
      for (uint64_t j = 0; j <= i * 3; ++j) piece += rng.below(2, i * 1000 + j, 2) == 0 ? 'a' : 'b';
      REQUIRE(tokenizer->encode(piece) == by_joined_bytes(tokens, piece));
    }
  }
}

TEST_CASE("a rank file is saved as Hugging Face files that give the same tokenizer", "[data][tiktoken]") {
  TextSample sample;
  for (uint64_t i = 0; i < 10; ++i) sample.add(random_words(i, 3000));
  auto tokens = train_bpe(sample, 400).tokens;
  tokens.pop_back();  // <|endoftext|>
  for (const char* pattern : {"gpt2", "cl100k", "o200k"}) {
    const TempDir dir;
    const auto tokenizer = load_tokenizer(put(dir / "ranks", rank_file(tokens)), pattern);  // known by its content
    CHECK(tokenizer->vocab_size() == 400);
    CHECK(tokenizer->eos() == 399);
    tokenizer->save_hf(dir.path());
    const auto loaded = load_tokenizer(dir.path());
    CHECK(loaded->fingerprint() == tokenizer->fingerprint());
    for (uint64_t seed = 0; seed < 50; ++seed) {
      const std::string text = random_words(seed, 100) + random_unicode(seed, 20);
      REQUIRE(loaded->encode(text) == tokenizer->encode(text));
      REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
    }
  }
}

TEST_CASE("rank files that are damaged are refused with the line", "[data][tiktoken]") {
  const std::string good = rank_file(bytes());
  CHECK_THAT(refused(good + "YWI=\n").place(), Contains("t.tiktoken:257"));
  CHECK_THAT(refused(good + "YW?= 256\n").place(), Contains("t.tiktoken:257"));
  CHECK_THAT(refused(good + "YWI 256\n").place(), Contains("t.tiktoken:257"));
  CHECK_THAT(refused(good + "YWI= 25x\n").place(), Contains("t.tiktoken:257"));
  CHECK_THAT(refused(good + "YWI= 99999999999\n").place(), Contains("t.tiktoken:257"));
  CHECK_THAT(refused(good + "YWI= 255\n").message(), Contains("255 is there twice"));
  CHECK_THAT(refused(good + "YWI= 256\nYWI= 257\n").message(), Contains("line 257"));
  CHECK_THAT(refused(good + "YWI= 257\n").message(), Contains("rank 256 is missing"));
  CHECK_THAT(refused(good.substr(good.find('\n') + 1)).message(), Contains("rank 0 is missing"));
  CHECK_THAT(refused(good.substr(0, good.rfind('\n', good.size() - 2) + 1)).message(), Contains("byte 0x00"));
  CHECK_THAT(refused(good.substr(0, good.size() - 3)).place(), Contains("t.tiktoken:256"));
  CHECK(refused("not ranks at all").code() == ErrorCode::data);
}

TEST_CASE("the pattern of a rank file comes from the configuration unless the file is known", "[data][tiktoken]") {
  const TempDir dir;
  const auto path = put(dir / "t.tiktoken", rank_file(with({"12", "123", "1234"})));
  const Error unknown = error_of([&] { load_tokenizer(path); });
  CHECK(unknown.code() == ErrorCode::config);
  CHECK_THAT(unknown.hint(), Contains("tokenizer_pattern"));
  CHECK(error_of([&] { load_tokenizer(path, "gpt5"); }).place() == "data.tokenizer_pattern");
  CHECK(load_tokenizer(path, "gpt2")->encode("1234") == std::vector<int32_t>{258});
  CHECK(load_tokenizer(path, "cl100k")->encode("1234") == std::vector<int32_t>{257, 255 - '4'});
  make_byte_tokenizer()->save_hf(dir.path());
  CHECK(error_of([&] { load_tokenizer(dir.path(), "gpt2"); }).place() == "data.tokenizer_pattern");
  DataConfig config = random_config(dir, 1, {1});
  config.tokenizer_pattern = "gpt2";
  CHECK(error_of([&] { make_tokenizer(config); }).place() == "data.tokenizer_pattern");  // the byte tokenizer
  config.tokenizer = path.string();
  CHECK(make_tokenizer(config)->encode("1234") == std::vector<int32_t>{258});
}
