#include "core/data/tokenizer/bpe_tokenizer.h"
#include "core/base/json.h"

#include <chrono>
#include <map>

#include "core/data/tokenizer/bpe_json.h"
#include "core/data/tokenizer/bpe_training.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const BpeParts& small_parts() {
  static const BpeParts parts = [] {
    TextSample sample;
    for (uint64_t i = 0; i < 20; ++i) sample.add(random_words(i, 3000) + " the cat sat on the mat, 1234 times\n");
    return train_bpe(sample, 500);
  }();
  return parts;
}

// The definition: of all pairs the one of lowest rank, the leftmost of those, until there is none.
std::vector<int32_t> by_definition(const BpeParts& parts, std::string_view piece) {
  std::map<std::pair<int32_t, int32_t>, size_t> ranks;
  for (size_t i = 0; i < parts.merges.size(); ++i) ranks[{parts.merges[i].left, parts.merges[i].right}] = i;
  std::vector<int32_t> ids;
  for (const char c : piece) ids.push_back(static_cast<uint8_t>(c));  // train_bpe numbers the bytes so
  for (;;) {
    size_t best = ranks.size(), at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = ranks.find({ids[i], ids[i + 1]});
      if (found != ranks.end() && found->second < best) {
        best = found->second;
        at = i;
      }
    }
    if (best == ranks.size()) return ids;
    ids[at] = parts.merges[best].merged;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

// A tokenizer.json of the small vocabulary, changed, and loaded.
Error refused(const TempDir& dir, const std::function<void(json&)>& change) {
  json hf = bpe_tokenizer_json(small_parts());
  change(hf);
  const auto folder = dir / "changed";
  put(folder / "tokenizer.json", hf.dump());
  const Error error = error_of([&] { load_tokenizer(folder); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.place(), Contains((folder / "tokenizer.json").string()));
  return error;
}

std::unique_ptr<Tokenizer> changed(const TempDir& dir, const std::function<void(json&)>& change) {
  json hf = bpe_tokenizer_json(small_parts());
  change(hf);
  put(dir / "good/tokenizer.json", hf.dump());
  return load_tokenizer(dir / "good");
}

}  // namespace

TEST_CASE("pieces of any length are merged as BPE is defined", "[data][bpe]") {
  std::vector<int32_t> bytes(256);
  for (size_t i = 0; i < 256; ++i) bytes[i] = static_cast<int32_t>(i);
  const BpeMerger merger(bytes, small_parts().merges);
  BpeScratch scratch;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::string piece = random_words(seed, 1 + seed % 250);
    if (seed % 3 == 0) piece += std::string(seed, "ate "[seed % 4]);
    std::vector<int32_t> ids;
    merger.encode(piece, scratch, ids);
    REQUIRE(ids == by_definition(small_parts(), piece));
  }
}

TEST_CASE("a word of a megabyte takes no quadratic time", "[data][bpe]") {
  const auto tokenizer = make_bpe(small_parts(), "test");
  std::string word;
  for (uint64_t i = 0; word.size() < 1'000'000; ++i) word += static_cast<char>('a' + hash64(std::to_string(i)) % 24);
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& text : {word, std::string(1'000'000, 'a'), std::string(1'000'000, ' ')})
    CHECK(tokenizer->decode(tokenizer->encode(text)) == text);
  // About 0.3 s; a list scanned for every merge takes minutes.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("training gives the most frequent pairs first, whatever the order of the texts", "[data][bpe]") {
  TextSample sample, backwards;
  for (const char* text : {"abab abab", "cdcd abx", "cd"}) sample.add(text);
  for (const char* text : {"cd", "cdcd abx", "abab abab"}) backwards.add(text);
  const BpeParts parts = train_bpe(sample, 1000);
  CHECK(parts.tokens == train_bpe(backwards, 1000).tokens);
  // ab: 5 times, cd: 3; then " ab" and "abab" twice, but "abab" only once outside " abab".
  REQUIRE(parts.merges.size() == 3);
  CHECK(parts.tokens[256] == "ab");
  CHECK(parts.tokens[257] == "cd");
  CHECK(parts.tokens[258] == " ab");
  CHECK(parts.eos == static_cast<int32_t>(parts.tokens.size()) - 1);
  CHECK(train_bpe(sample, 258).tokens.size() == 258);
  CHECK(train_bpe(sample, 257).merges.empty());
  CHECK(error_of([&] { train_bpe(sample, 256); }).code() == ErrorCode::data);
  CHECK(error_of([&] { train_bpe(TextSample(), 400); }).place() == "data.vocab_size");
}

TEST_CASE("a trained token is what its bytes alone become", "[data][bpe]") {
  const auto tokenizer = make_bpe(small_parts(), "test");
  CHECK(tokenizer->vocab_size() == 500);
  for (int32_t id = 0; id < tokenizer->vocab_size() - 1; ++id)
    CHECK(tokenizer->encode(tokenizer->bytes(id)) == std::vector<int32_t>{id});
}

TEST_CASE("merges may be strings or pairs, the regular expression ByteLevel's or Split's", "[data][bpe]") {
  const TempDir dir;
  const auto plain = make_bpe(small_parts(), "test");
  const auto pairs = changed(dir, [](json& hf) {
    for (auto& merge : hf["model"]["merges"]) {
      const auto text = merge.get<std::string>();
      merge = {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
    }
    hf["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array()}};
  });
  CHECK(pairs->fingerprint() == plain->fingerprint());
  const auto split = changed(dir, [](json& hf) {
    json first{{"type", "Split"},
               {"pattern", {{"Regex", regex_of(SplitPattern::gpt2)}}},
               {"behavior", "Removed"},
               {"invert", true}};
    hf["pre_tokenizer"]["use_regex"] = false;
    hf["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {first, hf["pre_tokenizer"]}}};
  });
  CHECK(split->fingerprint() == plain->fingerprint());
  const auto digits = changed(dir, [](json& hf) {
    hf["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, hf["pre_tokenizer"]}}};
  });
  CHECK(digits->fingerprint() != plain->fingerprint());
  CHECK(digits->encode("12345").size() == 5);
}

TEST_CASE("a space before the text, whole pieces and added tokens", "[data][bpe]") {
  const TempDir dir;
  const auto plain = make_bpe(small_parts(), "test");
  const auto prefixed = changed(dir, [](json& hf) { hf["pre_tokenizer"]["add_prefix_space"] = true; });
  CHECK(prefixed->encode("the cat") == plain->encode(" the cat"));
  CHECK(prefixed->encode(" the cat") == plain->encode(" the cat"));

  // A token that no merge leads to.
  const auto whole = [&](bool ignore_merges) {
    return changed(dir, [&](json& hf) {
      hf["model"]["vocab"]["qzqzq"] = 500;
      hf["model"]["ignore_merges"] = ignore_merges;
    });
  };
  CHECK(whole(true)->encode("qzqzq") == std::vector<int32_t>{500});
  CHECK(whole(true)->encode("qzqzqz").size() > 1);
  CHECK(whole(false)->encode("qzqzq").size() > 1);
  CHECK(whole(false)->bytes(500) == "qzqzq");

  const auto added = changed(dir, [](json& hf) {
    hf["added_tokens"].push_back({{"id", 501}, {"content", "\u00E9  "}, {"special", false}, {"normalized", false}});
  });
  CHECK(added->vocab_size() == 502);
  CHECK(added->encode("a\u00E9  ") == std::vector<int32_t>{'a', 501});
  CHECK(added->decode(added->encode("a\u00E9  b")) == "a\u00E9  b");
  CHECK(added->bytes(500).empty());
}

TEST_CASE("text never gives a special token, even with ignore_merges", "[data][bpe]") {
  const TempDir dir;
  const auto tokenizer = changed(dir, [](json& hf) {
    hf["model"]["ignore_merges"] = true;
    hf["pre_tokenizer"]["use_regex"] = false;  // the whole text is one piece
  });
  const auto ids = tokenizer->encode(kEndOfText);
  CHECK(std::find(ids.begin(), ids.end(), tokenizer->eos()) == ids.end());
  CHECK(tokenizer->decode(ids) == kEndOfText);
}

TEST_CASE("the end-of-text token is the one that the configuration names", "[data][bpe]") {
  const TempDir dir;
  json hf = bpe_tokenizer_json(small_parts());
  hf["added_tokens"].push_back({{"id", 500}, {"content", "<eot>"}, {"special", true}});
  put(dir / "t/tokenizer.json", hf.dump());
  CHECK(load_tokenizer(dir / "t")->eos() == 499);
  put(dir / "t/special_tokens_map.json", R"({"eos_token": "<eot>"})");
  CHECK(load_tokenizer(dir / "t")->eos() == 500);
  put(dir / "t/tokenizer_config.json", R"({"eos_token": {"content": "<|endoftext|>"}})");
  CHECK(load_tokenizer(dir / "t/tokenizer.json")->eos() == 499);
  put(dir / "t/tokenizer_config.json", R"({"eos_token": "none"})");
  CHECK_THAT(error_of([&] { load_tokenizer(dir / "t"); }).message(), Contains("\"none\""));
  put(dir / "t/tokenizer_config.json", "{");
  CHECK_THAT(error_of([&] { load_tokenizer(dir / "t"); }).place(), Contains("tokenizer_config.json"));
}

TEST_CASE("what a tokenizer.json cannot mean here is refused by its member", "[data][bpe]") {
  const TempDir dir;
  const auto place = [&](const std::function<void(json&)>& change) { return refused(dir, change).place(); };
  CHECK_THAT(place([](json& hf) { hf["normalizer"] = {{"type", "NFC"}}; }), Contains(": normalizer"));
  CHECK_THAT(place([](json& hf) { hf["pre_tokenizer"] = {{"type", "Whitespace"}}; }), Contains(": pre_tokenizer"));
  CHECK_THAT(place([](json& hf) { hf["pre_tokenizer"] = nullptr; }), Contains(": pre_tokenizer"));
  CHECK_THAT(place([](json& hf) { hf["decoder"] = nullptr; }), Contains(": decoder"));
  CHECK_THAT(place([](json& hf) { hf.erase("decoder"); }), Contains(": decoder"));
  CHECK_THAT(place([](json& hf) { hf["truncation"] = {{"max_length", 5}}; }), Contains(": truncation"));
  CHECK_THAT(place([](json& hf) { hf["model"]["type"] = "WordPiece"; }), Contains(": model.type"));
  CHECK_THAT(place([](json& hf) { hf["model"]["dropout"] = 0.1; }), Contains(": model.dropout"));
  CHECK_THAT(place([](json& hf) { hf["model"]["end_of_word_suffix"] = "</w>"; }), Contains("model.end_of_word_suffix"));
  CHECK_THAT(place([](json& hf) { hf["model"].erase("merges"); }), Contains(": model.merges"));
  CHECK_THAT(place([](json& hf) { hf["model"]["merges"][7] = "a"; }), Contains(": model.merges[7]"));
  CHECK_THAT(place([](json& hf) { hf["model"]["merges"][7] = "a zzzz"; }), Contains(": model.merges[7]"));
  CHECK_THAT(place([](json& hf) { hf["model"]["merges"][9] = hf["model"]["merges"][8]; }), Contains("merges[9]"));
  CHECK_THAT(place([](json& hf) { hf["model"]["vocab"]["a"] = -1; }), Contains("model.vocab[\"a\"]"));
  CHECK_THAT(place([](json& hf) { hf["model"]["vocab"]["a"] = 1 << 30; }), Contains("model.vocab[\"a\"]"));
  CHECK_THAT(place([](json& hf) { hf["model"]["vocab"]["a"] = 98; }), Contains("model.vocab["));
  CHECK_THAT(place([](json& hf) { hf["model"]["vocab"] = json::array(); }), Contains(": model.vocab"));
  CHECK_THAT(place([](json& hf) { hf["added_tokens"][0]["id"] = 4; }), Contains("added_tokens[0].id"));
  CHECK_THAT(place([](json& hf) { hf["added_tokens"][0].erase("content"); }), Contains("added_tokens[0].content"));
  CHECK_THAT(place([](json& hf) { hf["added_tokens"] = json::array(); }), Contains(": added_tokens"));
  CHECK_THAT(place([](json& hf) {
               hf["added_tokens"].push_back({{"id", 500}, {"content", "x y"}, {"special", false}, {"lstrip", true}});
             }),
             Contains("added_tokens[1].lstrip"));
  const auto split = [&](const json& part) {
    return place([&](json& hf) {
      hf["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {part, hf["pre_tokenizer"]}}};
    });
  };
  CHECK_THAT(split({{"type", "Split"}, {"pattern", {{"Regex", "\\w+"}}}, {"behavior", "Isolated"}}),
             Contains("pre_tokenizer.pretokenizers[0].pattern.Regex"));
  CHECK_THAT(split({{"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "Isolated"}}),
             Contains("pretokenizers[0].pattern"));
  CHECK_THAT(split({{"type", "Split"}, {"pattern", {{"Regex", "\\p{N}"}}}, {"behavior", "Removed"}, {"invert", true}}),
             Contains("pretokenizers[0].behavior"));
  CHECK_THAT(split({{"type", "Digits"}, {"individual_digits", false}}), Contains("individual_digits"));
  CHECK_THAT(refused(dir, [](json& hf) { hf["model"]["vocab"].erase("\u0100"); }).message(), Contains("byte 0x00"));
}

TEST_CASE("a tokenizer.json that is cut off is refused with the byte", "[data][bpe]") {
  const TempDir dir;
  const std::string whole = bpe_tokenizer_json(small_parts()).dump(1);
  for (size_t size = 0; size < whole.size(); size += 997) {
    const auto path = put(dir / "cut/tokenizer.json", std::string_view(whole).substr(0, size));
    const Error error = error_of([&] { load_tokenizer(path); });
    CHECK(error.code() == ErrorCode::data);
    CHECK(error.place() == path.string());
    CHECK_THAT(error.message(), Contains("byte " + std::to_string(size + 1)));
  }
}

TEST_CASE("a BPE for a run is trained once and kept in the cache", "[data][bpe]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 5, {40}, 400);
  config.tokenizer = "bpe";
  config.vocab_size = 400;
  const auto first = make_tokenizer(config);
  CHECK(first->vocab_size() == 400);
  std::vector<fs::path> kept;
  for (const auto& entry : fs::directory_iterator(config.cache_dir))
    if (const fs::path& path = entry.path();
        path.filename().string().starts_with("tokenizer.") && path.extension() != ".sum")
      kept.push_back(path);
  REQUIRE(kept.size() == 1);
  const auto written = fs::last_write_time(kept[0]);
  CHECK(make_tokenizer(config)->fingerprint() == first->fingerprint());
  CHECK(fs::last_write_time(kept[0]) == written);
  const TempDir saved;
  first->save_hf(saved.path());
  CHECK(load_tokenizer(saved.path())->fingerprint() == first->fingerprint());
  CHECK(nlohmann::json::parse(read_file(saved / "tokenizer_config.json", ErrorCode::data))["eos_token"] == kEndOfText);
  config.vocab_size = 401;
  CHECK(make_tokenizer(config)->fingerprint() != first->fingerprint());
}
