// Tables and samples that scorers are fitted into: the same whatever the order and the split, and across save and load.
#include <map>
#include <numeric>
#include <random>

#include "catch.h"
#include "plugins/difficulty/common/hashed_counts.hpp"
#include "plugins/difficulty/dedup-novelty/document_counts.hpp"
#include "plugins/difficulty/ngram-lm/document_sample.hpp"
#include "sdk/difficulty_run.h"

namespace sdk = espalier::sdk;
using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

struct Bytes {
  std::string text;
  std::size_t at = 0;

  esp_out out() { return {this, &write}; }
  esp_in in() { return {this, &read}; }
  static std::int64_t write(void* context, const void* data, std::uint64_t size) {
    static_cast<Bytes*>(context)->text.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
    return static_cast<std::int64_t>(size);
  }
  static std::int64_t read(void* context, void* data, std::uint64_t size) {
    auto& self = *static_cast<Bytes*>(context);
    const std::size_t moved = self.text.copy(static_cast<char*>(data), static_cast<std::size_t>(size), self.at);
    self.at += moved;
    return static_cast<std::int64_t>(moved);
  }
};

template <class State>
std::string saved(const State& state) {
  Bytes bytes;
  const esp_out out = bytes.out();
  sdk::Writer writer(&out);
  state.save(writer);
  return bytes.text;
}

template <class State>
void load(State& state, const std::string& text) {
  Bytes bytes{text};
  const esp_in in = bytes.in();
  sdk::Reader reader(&in);
  state.load(reader);
  reader.expect_end();
}

}  // namespace

TEST_CASE("hashed counts add up in any order", "[sdk][difficulty][counts]") {
  std::mt19937_64 random(1);
  sdk::HashedCounts whole(8), left(8), right(8), other_size(9);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t hash = random(), count = random() % 1000;
    whole.add(hash, count);
    (i % 3 == 0 ? left : right).add(hash, count);
  }
  sdk::HashedCounts forth = left, back = right;
  forth.merge(right);
  back.merge(left);
  CHECK(saved(forth) == saved(whole));
  CHECK(saved(back) == saved(whole));
  CHECK(forth.total() == whole.total());
  CHECK_THROWS_WITH(forth.merge(other_size), Contains("2^8") && Contains("2^9"));

  sdk::HashedCounts read(8);
  load(read, saved(whole));
  CHECK(saved(read) == saved(whole));
  CHECK(read.total() == whole.total());
  const std::string bytes = saved(whole);
  CHECK_THROWS_AS(load(read, bytes.substr(0, bytes.size() - 1)), sdk::Error);
  CHECK_THROWS_AS(load(other_size, bytes), sdk::Error);
  std::string damaged = bytes;
  damaged[8] = static_cast<char>(damaged[8] + 1);  // the number of bytes
  CHECK_THROWS_AS(load(read, damaged), sdk::Error);
  CHECK(saved(read) == bytes);  // a failed load changes nothing
}

TEST_CASE("the largest counters come first, equal ones in order", "[sdk][difficulty][counts]") {
  sdk::HashedCounts counts(4);
  const auto add = [&](std::uint64_t bucket, std::uint64_t count) { counts.add(bucket << 60, count); };
  add(3, 5);
  add(1, 5);
  add(9, 7);
  add(12, 1);
  CHECK(counts.largest(3) == std::vector<std::size_t>{9, 1, 3});
  CHECK(counts.largest(99) == std::vector<std::size_t>{9, 1, 3, 12});
  CHECK(counts.num_used() == 4);
  CHECK(counts.of(std::uint64_t{9} << 60 | 77) == 7);
}

TEST_CASE("document counts saturate at two and add up in any order", "[sdk][difficulty][counts]") {
  // Every pair of counters, each in every place of a word.
  for (unsigned place = 0; place < 32; ++place) {
    for (unsigned a = 0; a <= 3; ++a) {
      for (unsigned b = 0; b <= 3; ++b) {
        DocumentCounts one(5), two(5), direct(5);
        for (unsigned i = 0; i < a; ++i) one.increment(place);
        for (unsigned i = 0; i < b; ++i) two.increment(place);
        for (unsigned i = 0; i < std::min(a + b, 2u); ++i) direct.increment(place);
        one.merge(two);
        CHECK(saved(one) == saved(direct));
      }
    }
  }
  std::mt19937_64 random(2);
  std::vector<DocumentCounts> parts(3, DocumentCounts(8));
  DocumentCounts whole(8);
  for (int i = 0; i < 200; ++i) {
    const std::size_t counter = random() % 256;
    whole.increment(counter);
    parts[random() % 3].increment(counter);
  }
  DocumentCounts forth = parts[0], back = parts[1];
  forth.merge(parts[1]);
  forth.merge(parts[2]);
  back.merge(parts[2]);
  back.merge(parts[0]);
  CHECK(saved(forth) == saved(whole));
  CHECK(saved(back) == saved(whole));
  DocumentCounts read(8), larger(9);
  load(read, saved(whole));
  CHECK(saved(read) == saved(whole));
  CHECK_THROWS_AS(load(larger, saved(whole)), sdk::Error);
  CHECK_THROWS_AS(read.merge(larger), sdk::Error);
  std::string damaged = saved(whole);
  damaged[20] = '\xFF';  // a counter of 3
  CHECK_THROWS_AS(load(read, damaged), sdk::Error);
}

TEST_CASE("a sample of documents depends on the set alone", "[sdk][difficulty][counts]") {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const std::size_t budget = 50 + random() % 2000;
    Texts texts;
    for (int i = 0; i < 60; ++i) texts.push_back(random_bytes(random, 1 + random() % 100));
    texts.push_back(texts[0]);  // a duplicate
    // By the definition: in the order of the hashes, until one does not fit.
    std::map<std::uint64_t, std::string> ordered;
    for (const std::string& text : texts) {
      const std::string head = text.substr(0, std::min<std::size_t>(80, budget));
      ordered[sdk::hash64(head)] = head;
    }
    Texts expected;
    std::size_t used = 0;
    for (const auto& [hash, text] : ordered) {
      if (used + text.size() > budget) break;
      used += text.size();
      expected.push_back(text);
    }
    // In parts, merged as a random tree.
    std::shuffle(texts.begin(), texts.end(), random);
    std::vector<ngram::DocumentSample> parts(5, ngram::DocumentSample(budget, 80));
    for (const std::string& text : texts) parts[random() % 5].add(text);
    while (parts.size() > 1) {
      std::shuffle(parts.begin(), parts.end(), random);
      ngram::DocumentSample read(budget, 80);
      load(read, saved(parts.back()));
      CHECK(saved(read) == saved(parts.back()));
      parts.pop_back();
      parts[0].merge(read);
    }
    Texts got;
    parts[0].for_each([&](std::uint64_t, std::string_view text) { got.emplace_back(text); });
    CHECK(got == expected);
    CHECK(parts[0].bytes() == used);
  }
}
