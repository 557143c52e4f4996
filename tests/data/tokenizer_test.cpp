#include "core/data/tokenizer/tokenizer.h"
#include "core/base/json.h"

#include "core/data/tokenizer/bpe_training.h"
#include "core/data/tokenizer/sentencepiece_model.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_training.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

// A model of 400 pieces trained on random words, made once.
const std::string& small_model() {
  static const std::string model = [] {
    TextSample sample;
    for (uint64_t i = 0; i < 20; ++i) sample.add(random_words(i, 2000) + "\n\n  indented 12.5, \"quoted\"\n");
    return train_sentencepiece(sample, 400);
  }();
  return model;
}

std::unique_ptr<Tokenizer> small_bpe() {
  TextSample sample;
  for (uint64_t i = 0; i < 5; ++i) sample.add(random_words(i, 2000));
  return make_bpe(train_bpe(sample, 400), "test");
}

std::vector<std::unique_ptr<Tokenizer>> tokenizers() {
  std::vector<std::unique_ptr<Tokenizer>> all;
  all.push_back(make_byte_tokenizer());
  all.push_back(make_sentencepiece(small_model(), "test"));
  all.push_back(small_bpe());
  return all;
}

std::vector<std::string> awkward_texts() {
  std::vector<std::string> texts{"",
                                 " ",
                                 "   two   spaces  ",
                                 "\n\n\t\r\n",
                                 "caf\xC3\xA9 \xF0\x9F\x8E\x89\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
                                 "\xE2\x96\x81 literal \xE2\x96\x81\xE2\x96\x81 marks",
                                 "<0x41> <unk> <s> <|endoftext|>",
                                 std::string("nul \0 inside", 12),
                                 "\xEF\xBF\xBD\xEF\xBB\xBF",
                                 std::string(10000, 'a'),
                                 std::string(5000, ' ')};
  for (uint64_t seed = 0; seed < 60; ++seed) texts.push_back(random_unicode(seed, 1 + seed * 5));
  return texts;
}

}  // namespace

TEST_CASE("decode gives back every text that was encoded", "[data][tokenizer]") {
  for (const auto& tokenizer : tokenizers()) {
    const auto encoder = tokenizer->make_encoder();
    for (const auto& text : awkward_texts()) {
      std::vector<int32_t> ids;
      encoder->encode(text, ids);
      CHECK(tokenizer->decode(ids) == text);
      CHECK(ids == tokenizer->encode(text));  // what an encoder remembers does not change its answers
      int64_t bytes = 0;
      for (const int32_t id : ids) {
        REQUIRE(id >= 0);
        REQUIRE(id < tokenizer->vocab_size());
        REQUIRE(id != tokenizer->eos());
        bytes += tokenizer->byte_length(id);
      }
      CHECK(bytes == static_cast<int64_t>(text.size()));
    }
    CHECK(tokenizer->byte_length(tokenizer->eos()) == 0);
  }
}

TEST_CASE("cutting at words gives the ids of the whole text", "[data][tokenizer]") {
  const auto tokenizer = make_sentencepiece(small_model(), "test");
  const std::string text = random_words(99, 3000);
  std::vector<int32_t> joined;
  const auto encoder = tokenizer->make_encoder();
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find_first_not_of(' ', at), text.size());
    end = std::min(text.find(' ', end), text.size());
    encoder->encode(text.substr(at, end - at), joined);
    at = end;
  }
  CHECK(joined == tokenizer->encode(text));
}

TEST_CASE("the byte tokenizer numbers the bytes", "[data][tokenizer]") {
  const auto tokenizer = make_byte_tokenizer();
  CHECK(tokenizer->vocab_size() == 257);
  CHECK(tokenizer->eos() == 256);
  CHECK(tokenizer->encode("A\n\xC3\xA9") == std::vector<int32_t>{65, 10, 0xC3, 0xA9});
}

TEST_CASE("training gives the same model for the same texts, in any order", "[data][tokenizer]") {
  TextSample backwards;
  for (uint64_t i = 20; i-- > 0;) backwards.add(random_words(i, 2000) + "\n\n  indented 12.5, \"quoted\"\n");
  CHECK(train_sentencepiece(backwards, 400) == small_model());
  const auto tokenizer = make_sentencepiece(small_model(), "test");
  CHECK(tokenizer->vocab_size() <= 400);
  CHECK(tokenizer->vocab_size() > 350);
  CHECK(tokenizer->encode("~").size() == 1);  // printable ASCII has its own pieces even when the text lacks it
  CHECK(tokenizer->encode("abcdefgh").size() < 9);
}

TEST_CASE("scores are multiples of a power of two, so that sums are exact", "[data][tokenizer]") {
  for (const auto& piece : SentencePieceModel::parse(small_model(), "test").pieces)
    CHECK(piece.score * 256 == std::round(piece.score * 256));
}

TEST_CASE("a text sample depends on the texts only and keeps to its size", "[data][tokenizer]") {
  TextSample forwards(5000), backwards(5000), whole;
  for (uint64_t i = 0; i < 100; ++i) {
    forwards.add(random_words(i, 200));
    backwards.add(random_words(99 - i, 200));
    whole.add(random_words(i, 200));
  }
  CHECK(forwards.documents() == backwards.documents());
  CHECK(forwards.bytes() >= 5000);
  CHECK(forwards.bytes() < 5300);
  CHECK(whole.documents().size() == 100);
}

TEST_CASE("too little text for the vocabulary gives a smaller one, none at all an error", "[data][tokenizer]") {
  TextSample tiny;
  tiny.add("a b c");
  CHECK(make_sentencepiece(train_sentencepiece(tiny, 1000), "test")->vocab_size() < 1000);
  const Error error = error_of([] { train_sentencepiece(TextSample(), 400); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.hint(), Contains("byte"));
  CHECK(error_of([&] { train_sentencepiece(tiny, 300); }).code() == ErrorCode::data);
}

TEST_CASE("a saved tokenizer loads again from its folder", "[data][tokenizer]") {
  for (const auto& tokenizer : tokenizers()) {
    const TempDir dir, again;
    tokenizer->save_hf(dir.path());
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"})
      CHECK(nlohmann::json::parse(read_file(dir / name, ErrorCode::data)).is_object());
    const auto loaded = load_tokenizer(dir.path());
    CHECK(loaded->fingerprint() == tokenizer->fingerprint());
    CHECK(loaded->eos() == tokenizer->eos());
    CHECK(loaded->vocab_size() == tokenizer->vocab_size());
    for (const auto& text : awkward_texts()) CHECK(loaded->encode(text) == tokenizer->encode(text));
    loaded->save_hf(again.path());
    CHECK(read_file(again / "tokenizer.json", ErrorCode::data) == read_file(dir / "tokenizer.json", ErrorCode::data));
  }
}

TEST_CASE("tokenizers that cannot be used are refused with the reason", "[data][tokenizer]") {
  const TempDir dir;
  CHECK_THAT(error_of([&] { load_tokenizer(dir / "none"); }).message(), Contains("no such tokenizer"));
  CHECK_THAT(error_of([&] { load_tokenizer(dir.path()); }).message(), Contains("holds no tokenizer"));
  const auto refused = [&](std::string_view bytes) {
    return error_of([&] { load_tokenizer(put(dir / "x/t.model", bytes)); });
  };
  CHECK(refused("").code() == ErrorCode::data);
  CHECK(refused("not a model at all").code() == ErrorCode::data);
  for (size_t cut = 1; cut < small_model().size(); cut += 97)
    CHECK(refused(std::string_view(small_model()).substr(0, cut)).code() == ErrorCode::data);
  // Appended protocol buffer fields override: normalizer_spec.remove_extra_whitespaces = true.
  CHECK_THAT(refused(small_model() + std::string("\x1a\x02\x20\x01", 4)).message(), Contains("removes white space"));
  put(dir / "bpe/tokenizer.json", R"({"model":{"type":"BPE","vocab":{},"merges":["a b"]}})");
  const Error bpe = error_of([&] { load_tokenizer(dir / "bpe"); });
  CHECK(bpe.code() == ErrorCode::data);
  CHECK_THAT(bpe.place(), Contains("tokenizer.json: pre_tokenizer"));
  put(dir / "bad/tokenizer.json", "{");
  CHECK(error_of([&] { load_tokenizer(dir / "bad"); }).code() == ErrorCode::data);
}

TEST_CASE("a model that puts a space before every text still gives the text back", "[data][tokenizer]") {
  // normalizer_spec.add_dummy_prefix = true, as in Llama 2's model.
  const auto tokenizer = make_sentencepiece(small_model() + std::string("\x1a\x02\x18\x01", 4), "test");
  const auto plain = make_sentencepiece(small_model(), "test");
  for (const auto& text : awkward_texts()) CHECK(tokenizer->decode(tokenizer->encode(text)) == text);
  CHECK(tokenizer->encode("abc def") == plain->encode(" abc def"));
}
