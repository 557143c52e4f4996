#include "core/data/tokenizer/pre_tokenizer.h"

#include <algorithm>

#include "core/data/tokenizer/unicode_classes.h"

namespace espalier {
namespace {

struct Known {
  SplitPattern pattern;
  std::string_view name;
  std::string_view regex;
};

// Several ways to write the same pattern stand below each other; the first one is written.
constexpr Known kKnown[] = {
    {SplitPattern::gpt2, "gpt2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {SplitPattern::gpt2, "gpt2", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    // tiktoken's own has possessive quantifiers and `$`, which mean something else in Oniguruma.
    {SplitPattern::cl100k, "cl100k",
     R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s)"},
    {SplitPattern::llama3, "llama3",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {SplitPattern::llama3, "llama3",
     R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {SplitPattern::qwen2, "qwen2",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {SplitPattern::o200k, "o200k",
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
     R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {SplitPattern::digits, "digits", R"(\p{N}{1,3})"},
    {SplitPattern::digit, "digit", R"(\p{N})"},
    {SplitPattern::deepseek_cjk, "deepseek_cjk", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"},
    {SplitPattern::deepseek_words, "deepseek_words",
     "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
     "?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), classes_(char_classes()) {}

  size_t gpt2(size_t at) const {
    if (const size_t end = contraction(at, false)) return end;
    const size_t from = at + (text_[at] == ' ' ? 1 : 0);
    if (with(from, C::kLetter)) return run(from, C::kLetter);
    if (with(from, C::kNumber)) return run(from, C::kNumber);
    if (without(from, kWordOrSpace)) return run_without(from, kWordOrSpace);
    return white_space(at, run(at, C::kSpace));
  }

  size_t cl100k(size_t at, int max_digits, bool trailing_space_whole) const {
    if (const size_t end = contraction(at, true)) return end;
    if (with(at, C::kLetter)) return run(at, C::kLetter);
    const size_t next = at + char_at(text_, at).bytes;
    if (without(at, C::kNumber | C::kNewline) && with(next, C::kLetter)) return run(next, C::kLetter);
    return rest(at, max_digits, "\r\n", trailing_space_whole);
  }

  size_t o200k(size_t at) const {
    const size_t next = at + char_at(text_, at).bytes;
    const bool prefix = without(at, C::kLetter | C::kNumber | C::kNewline);
    size_t end = prefix ? ending_lower(next) : 0;
    if (end == 0) end = ending_lower(at);
    if (end == 0 && prefix) end = beginning_upper(next);
    if (end == 0) end = beginning_upper(at);
    if (end == 0) return rest(at, 3, "\r\n/", false);
    const size_t suffix = end < text_.size() ? contraction(end, true) : 0;
    return suffix != 0 ? suffix : end;
  }

  size_t digits(size_t at, int most) const {
    return with(at, C::kNumber) ? number(at, most) : run_without(at, C::kNumber);
  }

  size_t deepseek_cjk(size_t at) const {
    const bool inside = cjk(at);
    while (at < text_.size() && cjk(at) == inside) at += char_at(text_, at).bytes;
    return at;
  }

  // What matches nothing is a piece, up to the next match.
  size_t deepseek_words(size_t at) const {
    size_t end = deepseek_match(at);
    if (end != 0) return end;
    for (end = at + char_at(text_, at).bytes; end < text_.size() && deepseek_match(end) == 0;)
      end += char_at(text_, end).bytes;
    return end;
  }

 private:
  using C = CharClass;
  static constexpr uint8_t kWordOrSpace = C::kLetter | C::kNumber | C::kSpace;

  uint8_t class_at(size_t at) const { return classes_[char_at(text_, at).code]; }
  bool with(size_t at, int bits) const { return at < text_.size() && (class_at(at) & bits) != 0; }
  bool without(size_t at, int bits) const { return at < text_.size() && (class_at(at) & bits) == 0; }
  size_t run(size_t at, int bits) const {
    while (at < text_.size()) {
      const Char c = char_at(text_, at);
      if ((classes_[c.code] & bits) == 0) break;
      at += c.bytes;
    }
    return at;
  }
  size_t run_without(size_t at, int bits) const {
    while (at < text_.size()) {
      const Char c = char_at(text_, at);
      if ((classes_[c.code] & bits) != 0) break;
      at += c.bytes;
    }
    return at;
  }

  // 's 't 'm 'd 're 've 'll; 0: none. Without regard to case the long s (U+017F) is an s, too.
  size_t contraction(size_t at, bool ignore_case) const {
    if (text_[at] != '\'' || at + 1 == text_.size()) return 0;
    const auto lower = [&](size_t i) {
      const char c = i < text_.size() ? text_[i] : '\0';
      return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
    };
    const char first = lower(at + 1), second = lower(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
    if (first == 'l' && second == 'l') return at + 3;
    return ignore_case && text_.substr(at + 1).starts_with("\u017F") ? at + 3 : 0;
  }

  size_t number(size_t at, int most) const {
    for (int i = 0; i < most && with(at, C::kNumber); ++i) at += char_at(text_, at).bytes;
    return at;
  }

  // Numbers, punctuation with the newlines (or `after`) behind it, white space.
  size_t rest(size_t at, int max_digits, std::string_view after, bool trailing_space_whole) const {
    if (with(at, C::kNumber)) return number(at, max_digits);
    const size_t from = at + (text_[at] == ' ' ? 1 : 0);
    if (without(from, kWordOrSpace))
      return std::min(text_.find_first_not_of(after, run_without(from, kWordOrSpace)), text_.size());
    const size_t end = run(at, C::kSpace);
    return trailing_space_whole && end == text_.size() ? end : lines(at, end);
  }

  // \s*[\r\n]+|\s+(?!\S)|\s+ on the white space [at, end).
  size_t lines(size_t at, size_t end) const {
    const size_t newline = text_.substr(at, end - at).find_last_of("\r\n");
    return newline != std::string_view::npos ? at + newline + 1 : white_space(at, end);
  }

  // \s+(?!\S)|\s+ on the white space [at, end): its last character is left to what follows, unless it is alone.
  size_t white_space(size_t at, size_t end) const {
    if (end == text_.size()) return end;
    size_t last = end - 1;
    while ((static_cast<uint8_t>(text_[last]) & 0xC0) == 0x80) --last;
    return last > at ? last : end;
  }

  // Upper* Lower+, where some characters are both; 0: no match.
  size_t ending_lower(size_t at) const {
    size_t both_end = 0;
    while (at < text_.size()) {
      const Char c = char_at(text_, at);
      if ((classes_[c.code] & C::kUpper) == 0) break;
      at += c.bytes;
      if ((classes_[c.code] & C::kLower) != 0) both_end = at;
    }
    return with(at, C::kLower) ? run(at, C::kLower) : both_end;
  }

  // Upper+ Lower*; 0: no match.
  size_t beginning_upper(size_t at) const {
    const size_t end = run(at, C::kUpper);
    return end == at ? 0 : run(end, C::kLower);
  }

  bool cjk(size_t at) const {
    const uint32_t code = char_at(text_, at).code;
    return (code >= 0x4E00 && code <= 0x9FA5) || (code >= 0x3040 && code <= 0x30FF);
  }

  size_t deepseek_match(size_t at) const {
    const Char first = char_at(text_, at);
    const uint8_t bits = classes_[first.code];
    const size_t next = at + first.bytes;
    const auto latin = [&](size_t i) {
      return i < text_.size() && ((text_[i] >= 'A' && text_[i] <= 'Z') || (text_[i] >= 'a' && text_[i] <= 'z'));
    };
    if (first.code < 0x80 && (bits & C::kPunctuation) != 0 && latin(next)) {
      size_t end = next;
      while (latin(end)) ++end;
      return end;
    }
    constexpr int kWord = C::kLetter | C::kMark;
    if ((bits & (C::kNewline | C::kLetter | C::kPunctuation)) == 0 && with(next, kWord)) return run(next, kWord);
    if ((bits & kWord) != 0) return run(at, kWord);
    const size_t from = at + (text_[at] == ' ' ? 1 : 0);
    if (with(from, C::kPunctuation)) return run(run(from, C::kPunctuation), C::kNewline);
    return (bits & C::kSpace) != 0 ? lines(at, run(at, C::kSpace)) : 0;
  }

  std::string_view text_;
  const uint8_t* classes_;
};

}  // namespace

std::string_view name_of(SplitPattern pattern) {
  for (const auto& known : kKnown)
    if (known.pattern == pattern) return known.name;
  return "";
}

std::optional<SplitPattern> tiktoken_pattern(std::string_view name) {
  for (const auto pattern : {SplitPattern::gpt2, SplitPattern::cl100k, SplitPattern::o200k})
    if (name_of(pattern) == name) return pattern;
  return std::nullopt;
}

std::optional<SplitPattern> pattern_of_regex(std::string_view regex) {
  // Some files hold the characters themselves where others hold \\r and \\n.
  std::string escaped;
  for (const char c : regex) {
    if (c == '\r' || c == '\n') {
      escaped += c == '\r' ? "\\r" : "\\n";
    } else {
      escaped += c;
    }
  }
  for (const auto& known : kKnown)
    if (known.regex == escaped) return known.pattern;
  return std::nullopt;
}

std::string_view regex_of(SplitPattern pattern) {
  for (const auto& known : kKnown)
    if (known.pattern == pattern) return known.regex;
  return "";
}

size_t piece_end(SplitPattern pattern, std::string_view text, size_t at) {
  const Scanner scanner(text);
  switch (pattern) {
    case SplitPattern::gpt2:
      return scanner.gpt2(at);
    case SplitPattern::cl100k:
      return scanner.cl100k(at, 3, true);
    case SplitPattern::llama3:
      return scanner.cl100k(at, 3, false);
    case SplitPattern::qwen2:
      return scanner.cl100k(at, 1, false);
    case SplitPattern::o200k:
      return scanner.o200k(at);
    case SplitPattern::digits:
      return scanner.digits(at, 3);
    case SplitPattern::digit:
      return scanner.digits(at, 1);
    case SplitPattern::deepseek_cjk:
      return scanner.deepseek_cjk(at);
    case SplitPattern::deepseek_words:
      return scanner.deepseek_words(at);
  }
  return text.size();
}

}  // namespace espalier
