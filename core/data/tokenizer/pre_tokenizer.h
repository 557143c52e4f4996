// Cuts text into the pieces that BPE merges never cross, as the regular expressions of the well-known tokenizers do.
// They are written out as scanners over code points; each piece costs time in proportion to its length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

enum class SplitPattern : uint8_t {
  gpt2,            // GPT-2; also Hugging Face's ByteLevel with use_regex
  cl100k,          // GPT-4, as tiktoken has it: white space at the end of the text is one piece
  llama3,          // Llama 3: cl100k without that
  qwen2,           // llama3 with every digit alone
  o200k,           // GPT-4o, gpt-oss, Llama 4
  digits,          // runs of up to three digits, apart from the rest
  digit,           // every digit apart from the rest
  deepseek_cjk,    // runs of ideographs and kana, apart from the rest
  deepseek_words,  // the words of DeepSeek V3
};

// "gpt2", "cl100k", ...
std::string_view name_of(SplitPattern pattern);
// The pattern that tiktoken files may be read with: gpt2, cl100k or o200k.
std::optional<SplitPattern> tiktoken_pattern(std::string_view name);
// The pattern that a tokenizer.json writes as this regular expression, where it is one of the above.
std::optional<SplitPattern> pattern_of_regex(std::string_view regex);
// The regular expression for Hugging Face's tokenizers (Oniguruma).
std::string_view regex_of(SplitPattern pattern);

// End of the piece that begins at `at` < text.size(); text is the whole text, for look-ahead.
size_t piece_end(SplitPattern pattern, std::string_view text, size_t at);

// Stages in order: each cuts the pieces of the one before. No stage: the whole text is one piece.
struct PreTokenizer {
  std::vector<SplitPattern> stages;
  bool add_prefix_space = false;  // before a text that does not begin with a space

  // Calls sink(std::string_view) for every piece, in order. Joined they are the text.
  template <class Sink>
  void split(std::string_view text, Sink&& sink, size_t stage = 0) const {
    if (stage == stages.size()) {
      if (!text.empty()) sink(text);
      return;
    }
    const bool last = stage + 1 == stages.size();
    for (size_t at = 0; at < text.size();) {
      const size_t end = piece_end(stages[stage], text, at);
      if (last) {
        sink(text.substr(at, end - at));
      } else {
        split(text.substr(at, end - at), sink, stage + 1);
      }
      at = end;
    }
  }
};

}  // namespace espalier
