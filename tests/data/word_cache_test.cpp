#include "core/data/tokenizer/word_cache.h"

#include <cstring>

#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// Some ids that belong to a word, by its hash.
std::vector<int32_t> ids_of(const std::string& word) {
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i <= hash64(word) % 5; ++i) ids.push_back(static_cast<int32_t>(hash64(word) % 100000 + i));
  return ids;
}

}  // namespace

TEST_CASE("a cache gives back what it was given, within bounded memory", "[data][word-cache]") {
  WordCache cache;
  std::vector<int32_t> ids;
  uint64_t hits = 0;
  for (uint64_t i = 0; i < 3 * WordCache::kMostWords; ++i) {
    const uint64_t number = i % 2 == 0 ? i : i / 2;
    const std::string word = std::to_string(number) + std::string(number % 40, 'x');
    ids.assign({7});
    if (cache.find(word, ids)) {
      ++hits;
      std::vector<int32_t> expected = ids_of(word);
      expected.insert(expected.begin(), 7);
      REQUIRE(ids == expected);
    } else {
      REQUIRE(ids == std::vector<int32_t>{7});
      cache.remember(word, ids_of(word));
      REQUIRE(cache.find(word, ids));
    }
    REQUIRE(cache.words() <= WordCache::kMostWords);
  }
  CHECK(hits > 0);
}

TEST_CASE("words that differ in one byte or in length only are told apart", "[data][word-cache]") {
  WordCache cache;
  std::vector<std::string> words;
  for (size_t size = 1; size <= WordCache::kLongestWord; ++size)
    for (size_t at = 0; at < size; ++at) {
      std::string word(size, 'a');
      word[at] = '\0';
      words.push_back(word);
    }
  std::vector<int32_t> ids;
  for (size_t i = 0; i < words.size(); ++i) {
    REQUIRE(!cache.find(words[i], ids));
    cache.remember(words[i], std::vector<int32_t>{static_cast<int32_t>(i)});
  }
  for (const auto& word : words) REQUIRE(cache.find(word, ids));
  for (size_t i = 0; i < words.size(); ++i) CHECK(ids[i] == static_cast<int32_t>(i));
  cache.remember(std::string(WordCache::kLongestWord + 1, 'a'), std::vector<int32_t>{1});
  CHECK(!cache.find(std::string(WordCache::kLongestWord + 1, 'a'), ids));
}

TEST_CASE("two words with the same hash are told apart", "[data][word-cache]") {
  // Of 16 bytes the second half meets the first half's state by exclusive or, so a second word can be made to fit.
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  const auto state = [](uint64_t half) {
    const uint64_t mixed = (16 * kOdd ^ half) * kOdd;
    return mixed ^ mixed >> 32;
  };
  const auto word = [](uint64_t first, uint64_t second) {
    std::string text(16, '\0');
    std::memcpy(text.data(), &first, 8);
    std::memcpy(text.data() + 8, &second, 8);
    return text;
  };
  const std::string one = word(1, 1), other = word(2, 1 ^ state(1) ^ state(2));
  REQUIRE(one != other);
  REQUIRE(WordCache::hash(one) == WordCache::hash(other));
  WordCache cache;
  std::vector<int32_t> ids;
  cache.remember(one, std::vector<int32_t>{1});
  CHECK(!cache.find(other, ids));
  cache.remember(other, std::vector<int32_t>{2, 3});
  CHECK(cache.find(other, ids));
  CHECK(cache.find(one, ids));
  CHECK(ids == std::vector<int32_t>{2, 3, 1});
}
