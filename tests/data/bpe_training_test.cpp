#include "core/data/tokenizer/bpe_training.h"

#include <chrono>
#include <map>

#include "core/data/tokenizer/pre_tokenizer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

using Pair = std::pair<std::string, std::string>;

// The definition: all pairs are counted anew for every merge; of the most frequent ones the first by its bytes is
// merged, from left to right.
std::vector<Pair> by_definition(const std::vector<std::string>& texts, size_t merges) {
  std::map<std::string, int64_t> counts;
  const PreTokenizer pieces{{SplitPattern::gpt2}};
  for (const auto& text : texts) pieces.split(text, [&](std::string_view piece) { ++counts[std::string(piece)]; });
  std::vector<std::pair<std::vector<std::string>, int64_t>> words;
  for (const auto& [text, count] : counts) {
    words.emplace_back(std::vector<std::string>(), count);
    for (const char c : text) words.back().first.emplace_back(1, c);
  }
  std::vector<Pair> out;
  while (out.size() < merges) {
    std::map<Pair, int64_t> pairs;
    for (const auto& [symbols, count] : words)
      for (size_t i = 0; i + 1 < symbols.size(); ++i) pairs[{symbols[i], symbols[i + 1]}] += count;
    const Pair* best = nullptr;
    int64_t most = 1;
    for (const auto& [pair, count] : pairs) {
      if (count <= most) continue;
      most = count;
      best = &pair;
    }
    if (best == nullptr) return out;
    out.push_back(*best);
    for (auto& [symbols, count] : words) {
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        if (Pair(symbols[i], symbols[i + 1]) != out.back()) continue;
        symbols[i] += symbols[i + 1];
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return out;
}

std::vector<Pair> trained(const std::vector<std::string>& texts, int64_t vocab_size) {
  TextSample sample;
  for (const auto& text : texts) sample.add(text);
  const BpeParts parts = train_bpe(sample, vocab_size);
  std::vector<Pair> out;
  for (const auto& merge : parts.merges)
    out.emplace_back(parts.tokens[static_cast<size_t>(merge.left)], parts.tokens[static_cast<size_t>(merge.right)]);
  return out;
}

std::string random_text(uint64_t seed, size_t bytes, uint64_t letters) {
  const Rng rng(seed, "test.letters");
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + rng.below(letters, i));
  return text;
}

}  // namespace

TEST_CASE("training makes the merges of the definition", "[data][bpe]") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::vector<std::string> texts;
    // One to four letters give runs, ties and overlapping pairs; words of every length, and words that come often.
    for (uint64_t i = 0; i < 3; ++i) {
      std::string text = random_text(seed * 10 + i, 40 + 30 * (seed % 5), 1 + seed % 4);
      for (uint64_t at = 3 + seed % 9; at < text.size(); at += 2 + seed % 17) text[at] = ' ';
      texts.push_back(text);
      if (i == 1) texts.push_back(random_words(seed, 200) + " " + text);
    }
    texts.push_back(random_text(seed, 150, 2 + seed % 3));  // one long word
    INFO(seed);
    CHECK(trained(texts, 257 + 80) == by_definition(texts, 80));
  }
}

TEST_CASE("training takes no longer for text without spaces", "[data][bpe]") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(trained({random_text(1, 1'000'000, 4)}, 1000).size() == 743);
  CHECK(trained({std::string(1'000'000, 'a')}, 1000).size() < 40);
  // About a second; looking at the whole word for each merge takes ten minutes.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
}
