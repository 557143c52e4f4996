#include "core/data/tokenizer/tiktoken_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/file.h"

namespace espalier {
namespace {

constexpr uint32_t kMostRanks = 1u << 24;
constexpr uint32_t kNone = UINT32_MAX;

struct Known {
  std::string_view sha256, name, pattern;
  std::vector<AddedToken> special;
};

// The encodings of tiktoken (tiktoken_ext/openai_public.py) with the hashes that it gives for their files.
const std::vector<Known>& known_files() {
  const std::string eot(kEndOfText);
  static const std::vector<Known> files{
      {"306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930", "r50k_base (GPT-2)", "gpt2", {{50256, eot}}},
      {"94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069", "p50k_base", "gpt2", {{50256, eot}}},
      {"223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
       "cl100k_base",
       "cl100k",
       {{100257, eot},
        {100258, "<|fim_prefix|>"},
        {100259, "<|fim_middle|>"},
        {100260, "<|fim_suffix|>"},
        {100276, "<|endofprompt|>"}}},
      {"446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
       "o200k_base",
       "o200k",
       {{199999, eot}, {200018, "<|endofprompt|>"}}},
  };
  return files;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// False when the text is not base64 with its padding.
bool from_base64(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.empty() || text.size() % 4 != 0) return false;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size() - padding; ++i) {
    const int value = base64_value(text[i]);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    // The first character of four completes no byte, each of the others one.
    if (i % 4 != 0) bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)));
  }
  return true;
}

// Calls line(number from 1, text) for every line that is not empty.
template <class Line>
void for_each_line(std::string_view bytes, Line&& line) {
  for (size_t number = 1; !bytes.empty(); ++number) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view text = bytes.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty()) line(number, text);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
}

bool split_line(std::string_view line, std::string& token, uint32_t& rank) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || !from_base64(line.substr(0, space), token)) return false;
  const char* end = line.data() + line.size();
  const auto read = std::from_chars(line.data() + space + 1, end, rank);
  return read.ec == std::errc() && read.ptr == end;
}

class Ranks {
 public:
  Ranks(std::string_view bytes, const std::string& place) : file_bytes_(bytes.size()) {
    for_each_line(bytes, [&](size_t number, std::string_view line) { add(number, line, place); });
    for (size_t rank = 0; rank < tokens_.size(); ++rank)
      if (!tokens_[rank].empty()) rank_of_.emplace(tokens_[rank], static_cast<uint32_t>(rank));
  }

  std::vector<std::string>& tokens() { return tokens_; }

  // A token is only ever formed from the pair that its bytes alone are merged to in the end: what happens inside its
  // bounds does not depend on what is around. So one merge a token, in the order of the ranks, gives the same ids as
  // tiktoken, which looks the joined bytes of every pair up. A token that its bytes do not lead to is there for
  // pieces that equal it as a whole.
  std::vector<BpeMerge> merges() const {
    std::vector<BpeMerge> merges;
    for (size_t rank = 0; rank < tokens_.size(); ++rank) {
      BpeMerge merge;
      if (tokens_[rank].size() > 1 && last_merge(tokens_[rank], merge)) merges.push_back(merge);
    }
    return merges;
  }

 private:
  void add(size_t number, std::string_view line, const std::string& place) {
    const auto at = fmt::format("{}:{}", place, number);
    std::string token;
    uint32_t rank = 0;
    // The ranks follow each other, so none reaches the number of bytes of the file.
    if (!split_line(line, token, rank) || rank >= kMostRanks || rank >= file_bytes_)
      throw Error(ErrorCode::data, "not a token in base64 and its rank", at, "copy the file again");
    if (rank >= tokens_.size()) tokens_.resize(rank + 1);
    if (!tokens_[rank].empty())
      throw Error(ErrorCode::data, fmt::format("the rank {} is there twice", rank), at, "copy the file again");
    if (!seen_.emplace(token, number).second)
      throw Error(ErrorCode::data, fmt::format("the token is the same as in line {}", seen_[token]), at,
                  "copy the file again");
    tokens_[rank] = std::move(token);
  }

  uint32_t rank(std::string_view token) const {
    const auto found = rank_of_.find(token);
    return found == rank_of_.end() ? kNone : found->second;
  }

  bool last_merge(std::string_view token, BpeMerge& merge) const {
    std::vector<size_t> ends;  // of the parts
    for (size_t i = 1; i <= token.size(); ++i) ends.push_back(i);
    while (ends.size() > 1) {
      size_t best = 0, begin = 0;
      uint32_t lowest = kNone;
      for (size_t i = 0; i + 1 < ends.size(); begin = ends[i++]) {
        const uint32_t joined = rank(token.substr(begin, ends[i + 1] - begin));
        if (joined < lowest) {
          lowest = joined;
          best = i;
        }
      }
      if (lowest == kNone) return false;
      if (ends.size() == 2)
        merge = {static_cast<int32_t>(rank(token.substr(0, ends[0]))),
                 static_cast<int32_t>(rank(token.substr(ends[0]))), static_cast<int32_t>(lowest)};
      ends.erase(ends.begin() + static_cast<ptrdiff_t>(best));
    }
    return true;
  }

  size_t file_bytes_;
  std::vector<std::string> tokens_;               // by rank
  std::unordered_map<std::string, size_t> seen_;  // token -> line
  std::unordered_map<std::string_view, uint32_t> rank_of_;
};

}  // namespace

bool is_tiktoken(std::string_view bytes) {
  std::string token;
  uint32_t rank = 0;
  std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return split_line(line, token, rank);
}

BpeParts tiktoken_parts(std::string_view bytes, const std::string& pattern, const std::string& place) {
  const std::string sha256 = sha256_bytes(bytes);
  const auto& files = known_files();
  const auto known = std::find_if(files.begin(), files.end(), [&](const Known& file) { return file.sha256 == sha256; });
  if (pattern.empty() && known == files.end())
    throw Error(ErrorCode::config, "which text this rank file cuts into pieces is not known", place,
                "set data.tokenizer_pattern to \"gpt2\", \"cl100k\" or \"o200k\"");
  const auto split = tiktoken_pattern(pattern.empty() ? known->pattern : pattern);
  if (!split)
    throw Error(ErrorCode::config, fmt::format("tokenizer_pattern = \"{}\" is not known", pattern),
                "data.tokenizer_pattern", "use \"gpt2\", \"cl100k\" or \"o200k\"");
  Ranks ranks(bytes, place);
  BpeParts parts;
  parts.merges = ranks.merges();
  parts.tokens = std::move(ranks.tokens());
  parts.ignore_merges = true;
  parts.pre_tokenizer.stages = {*split};
  if (known != files.end()) {
    parts.added = known->special;
  } else {
    parts.added = {{static_cast<int32_t>(parts.tokens.size()), std::string(kEndOfText)}};
  }
  const auto special = [&](size_t id) {
    return std::any_of(parts.added.begin(), parts.added.end(),
                       [&](const AddedToken& token) { return static_cast<size_t>(token.id) == id; });
  };
  for (size_t rank = 0; rank < parts.tokens.size(); ++rank)
    if (parts.tokens[rank].empty() && !special(rank))
      throw Error(ErrorCode::data, fmt::format("the rank {} is missing", rank), place, "copy the file again");
  parts.eos = parts.added[0].id;
  for (const auto& token : parts.added)
    parts.tokens.resize(std::max(parts.tokens.size(), static_cast<size_t>(token.id) + 1));
  return parts;
}

}  // namespace espalier
