#include "core/data/tokenizer/pre_tokenizer.h"
#include "core/base/json.h"

#include "core/data/tokenizer/added_tokens.h"
#include "core/data/tokenizer/unicode_classes.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

using Pieces = std::vector<std::string>;

Pieces pieces(std::vector<SplitPattern> stages, std::string_view text) {
  Pieces all;
  PreTokenizer{std::move(stages)}.split(text, [&](std::string_view piece) { all.emplace_back(piece); });
  return all;
}

}  // namespace

// Expected values: pre_tokenizers.Split with these regular expressions, `tokenizers` 0.23.3.
TEST_CASE("text is cut as the regular expressions of the known tokenizers cut it", "[data][pre-tokenizer]") {
  CHECK(pieces({SplitPattern::gpt2}, "It's they'LL  a 1234 --x\n\n y \t") ==
        Pieces{"It", "'s", " they", "'", "LL", " ", " a", " 1234", " --", "x", "\n\n", " y", " \t"});
  CHECK(pieces({SplitPattern::gpt2}, "caf\u00E9\u0301 \u00BD\u00A0 x") ==
        Pieces{"caf\u00E9", "\u0301", " \u00BD", "\u00A0", " x"});
  const std::string mixed = "It'S 12345\tx !!\r\n \n  a  \n ";
  CHECK(pieces({SplitPattern::cl100k}, mixed) ==
        Pieces{"It", "'S", " ", "123", "45", "\tx", " !!\r\n", " \n", " ", " a", "  \n "});
  CHECK(pieces({SplitPattern::llama3}, mixed) ==
        Pieces{"It", "'S", " ", "123", "45", "\tx", " !!\r\n", " \n", " ", " a", "  \n", " "});
  CHECK(pieces({SplitPattern::qwen2}, "a 123\n") == Pieces{"a", " ", "1", "2", "3", "\n"});
  CHECK(
      pieces({SplitPattern::o200k}, "HTTPServer's \u0301Abc x/y//\n ABC'LL \u01C5x 12345\n  \n ") ==
      Pieces{"HTTPServer's", " \u0301Abc", " x", "/y", "//\n", " ABC'LL", " \u01C5x", " ", "123", "45", "\n  \n", " "});
  CHECK(pieces({SplitPattern::o200k}, "\u4E2DABC \u0301XYZ\u02B0 1a'\u017Fb") ==
        Pieces{"\u4E2D", "ABC", " \u0301XYZ\u02B0", " ", "1", "a'\u017F", "b"});
  CHECK(pieces({SplitPattern::o200k}, "A\u0301'S'\u017F.\u4E2D\u4E2DB") ==
        Pieces{"A\u0301'S", "'\u017F", ".\u4E2D\u4E2D", "B"});
  const std::string wide = "x'\u017Fy '\u017F \u3000\u3000z\n\u2003";
  CHECK(pieces({SplitPattern::gpt2}, wide) ==
        Pieces{"x", "'", "\u017Fy", " '", "\u017F", " \u3000", "\u3000", "z", "\n\u2003"});
  CHECK(pieces({SplitPattern::cl100k}, wide) ==
        Pieces{"x", "'\u017F", "y", " '", "\u017F", " \u3000", "\u3000z", "\n\u2003"});
}

TEST_CASE("stages cut the pieces of the stage before", "[data][pre-tokenizer]") {
  CHECK(pieces({}, "a 1") == Pieces{"a 1"});
  CHECK(pieces({}, "").empty());
  CHECK(pieces({SplitPattern::digit, SplitPattern::gpt2}, "ab 12 c") == Pieces{"ab", " ", "1", "2", " c"});
  CHECK(pieces({SplitPattern::digits, SplitPattern::deepseek_cjk}, "x12345\u4E2D\u6587") ==
        Pieces{"x", "123", "45", "\u4E2D\u6587"});
}

TEST_CASE("pieces joined are the text, also where it is not UTF-8", "[data][pre-tokenizer]") {
  for (int pattern = 0; pattern <= static_cast<int>(SplitPattern::deepseek_words); ++pattern)
    for (uint64_t seed = 0; seed < 200; ++seed) {
      std::string text = random_unicode(seed, 30) + random_words(seed, 20);
      if (seed % 2 == 1) text.erase(seed % text.size(), 1);
      if (seed % 5 == 1) text += "\xF0\x9F";
      std::string joined;
      for (const auto& piece : pieces({static_cast<SplitPattern>(pattern)}, text)) {
        REQUIRE(!piece.empty());
        joined += piece;
      }
      REQUIRE(joined == text);
    }
}

TEST_CASE("every pattern is read back from the regular expression that it is written as", "[data][pre-tokenizer]") {
  for (int i = 0; i <= static_cast<int>(SplitPattern::deepseek_words); ++i) {
    const auto pattern = static_cast<SplitPattern>(i);
    CHECK(pattern_of_regex(regex_of(pattern)) == pattern);
    CHECK(!name_of(pattern).empty());
  }
  CHECK(!pattern_of_regex("\\w+"));
  CHECK(pattern_of_regex("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                         "?[^\\s\\p{L}\\p{N}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+") == SplitPattern::llama3);
}

// The counts of Unicode 16.0 in DerivedGeneralCategory.txt, which tokenizers 0.23.3 and tiktoken 0.14.0 agree with.
TEST_CASE("classes have the code points of Unicode 16.0", "[data][pre-tokenizer]") {
  const auto count = [](uint8_t bits) {
    int64_t found = 0;
    for (uint32_t code = 0; code < 0x110000; ++code) found += (char_classes()[code] & bits) != 0 ? 1 : 0;
    return found;
  };
  CHECK(count(CharClass::kLetter) == 141028);
  CHECK(count(CharClass::kNumber) == 1911);
  CHECK(count(CharClass::kSpace) == 25);
  CHECK(count(CharClass::kNewline) == 2);
  CHECK(count(CharClass::kMark) == 2501);
  CHECK(count(CharClass::kPunctuation) == 855 + 8514);
  CHECK(count(CharClass::kUpper) == 1858 + 31 + 404 + 136477 + 2501);
  CHECK(count(CharClass::kLower) == 2258 + 404 + 136477 + 2501);
}

TEST_CASE("characters are read from UTF-8, and single bytes from what is not", "[data][pre-tokenizer]") {
  const auto read = [](std::string_view text) {
    const Char c = char_at(text, 0);
    return std::pair(c.code, c.bytes);
  };
  CHECK(read("a") == std::pair(0x61u, 1u));
  CHECK(read("\u00E9") == std::pair(0xE9u, 2u));
  CHECK(read("\uD7FF") == std::pair(0xD7FFu, 3u));
  CHECK(read("\U0010FFFF") == std::pair(0x10FFFFu, 4u));
  for (const char* bad : {"\xC3", "\xC3x", "\xE2\x96", "\xF0\x9F\x8E", "\x80", "\xFF", "\xC0\x80", "\xF4\x90\x80\x80"})
    CHECK(read(bad) == std::pair(0xFFFFu, 1u));
}

TEST_CASE("added tokens: the leftmost, then the longest, never a special one", "[data][pre-tokenizer]") {
  const std::vector<AddedToken> tokens{{1, "ab", false}, {2, "abc", false}, {3, "bcd", false},
                                       {4, "<s>", true}, {5, "  ", false},  {6, "ya", false, true}};
  const auto cut = [&](std::string_view text) {
    Pieces all;
    AddedTokens(tokens).split(
        text, [&](std::string_view part) { all.emplace_back(part); },
        [&](int32_t id) { all.push_back("#" + std::to_string(id)); });
    return all;
  };
  CHECK(cut("xabcd") == Pieces{"x", "#2", "d"});
  CHECK(cut("abab bcd<s>   ") == Pieces{"#1", "#1", " ", "#3", "<s>", "#5", " "});
  CHECK(cut("yab yay") == Pieces{"y", "#1", " ", "#6", "y"});  // "ya" comes second, as it would be normalized
  CHECK(cut("").empty());
  CHECK(cut("none") == Pieces{"none"});
}
