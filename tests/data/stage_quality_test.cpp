// Measures of a stage's data against values by hand, and on generated text of known make.
#include "core/data/stream/stage_quality.h"

#include <cmath>

#include "core/data/generate/story.h"
#include "data/support.h"

using namespace espalier;
using espalier::testing::error_of;
using espalier::testing::put;
using espalier::testing::TempDir;

TEST_CASE("divergence of word frequencies", "[stage-quality]") {
  CHECK(jensen_shannon({1, 2, 3}, {10, 20, 30}) == Approx(0).margin(1e-12));
  CHECK(jensen_shannon({5, 0}, {0, 7}) == Approx(1));
  // By hand: P = (1, 0), Q = (1/2, 1/2), M = (3/4, 1/4): 1/2 log2(4/3) + 1/4 log2(2/3) + 1/4 log2(2).
  const double expected = 0.5 * std::log2(4.0 / 3) + 0.25 * std::log2(2.0 / 3) + 0.25;
  CHECK(jensen_shannon({4, 0}, {3, 3}) == Approx(expected));
  CHECK(jensen_shannon({3, 3}, {4, 0}) == Approx(expected));
  CHECK(jensen_shannon({0, 0}, {1, 1}) == 0);
}

TEST_CASE("addresses and telephone numbers", "[stage-quality]") {
  CHECK(count_emails("write to mia.b+x@example.org. Or to TOM@mail.example.co.uk, soon") == 2);
  CHECK(count_emails("a@b, @name, x@, 3 @ 4.50, me@host, a.@b.org, q@x..de, @@") == 0);
  CHECK(count_phones("call +49 30 1234567 or (030) 123-4567 89, or 555-123-4567.") == 3);
  CHECK(count_phones("+4930123456789") == 1);
  CHECK(count_phones("in 2024-01-02 and 10 000 people, 192.168.100.200, 1234567890, v1.2.3-4, 12-34") == 0);
  CHECK(count_phones("order A555-123-4567 and 1234-5678-1234-5678") == 0);  // a letter before; a card has 16 digits
}

TEST_CASE("a stage is measured and compared with the one before", "[stage-quality]") {
  const TempDir dir;
  const WordFilter filter(put(dir / "words.txt", "# rude\nDarn\n\nheck\r\n"));
  CHECK(filter.size() == 2);
  StageQuality quality(filter);
  quality.add("Darn, the cat!");
  quality.add("the cat");
  quality.add("the cat");
  quality.add("me@example.org and heck");
  const StageReport first = quality.finish_stage();
  CHECK(first.documents == 4);
  CHECK(first.words == 12);
  CHECK(first.bytes == 14 + 7 + 7 + 23);
  CHECK(first.duplicate_share == Approx(0.25));
  CHECK_FALSE(first.duplicates_sampled);
  CHECK(first.mean_words == Approx(3));
  CHECK(first.mean_bytes == Approx(51.0 / 4));
  CHECK(first.listed_words_per_million == Approx(2e6 / 12));
  CHECK(first.emails_per_million == Approx(1e6 / 12));
  CHECK_FALSE(first.vocabulary_drift.has_value());
  for (int i = 0; i < 3; ++i) quality.add("entirely other words, six of them");
  const StageReport second = quality.finish_stage();
  CHECK(second.duplicate_share == Approx(2.0 / 3));  // counted anew in each stage
  CHECK(second.vocabulary_drift.value() == Approx(1));
  CHECK(second.length_ratio.value() == Approx(2));
  CHECK(quality.finish_stage().documents == 0);  // an empty stage is no error
  quality.add("words");
  CHECK_FALSE(quality.finish_stage().vocabulary_drift.has_value());
}

TEST_CASE("vocabulary drifts more from level to level than within one", "[stage-quality]") {
  StageQuality quality;
  const auto stage = [&](int level, uint64_t first) {
    const generate::StoryGenerator generator(1, level);
    for (uint64_t i = 0; i < 100; ++i) quality.add(generator.story(first + i).text);
    return quality.finish_stage();
  };
  stage(0, 0);
  const StageReport same = stage(0, 100), harder = stage(2, 0);
  CHECK(same.vocabulary_drift.value() < 0.02);
  CHECK(harder.vocabulary_drift.value() > 5 * same.vocabulary_drift.value());
  CHECK(harder.length_ratio.value() > 1.5);
  CHECK(harder.duplicate_share == 0);
}

TEST_CASE("the share of duplicates is estimated where texts are too many to remember", "[stage-quality]") {
  for (const int copies : {1, 2, 4}) {
    StageQuality quality({}, 500);
    for (int copy = 0; copy < copies; ++copy)
      for (int i = 0; i < 20000; ++i) quality.add(std::to_string(i));
    const StageReport report = quality.finish_stage();
    CHECK(report.duplicates_sampled);
    INFO(copies << " copies: " << report.duplicate_share);
    CHECK(std::abs(report.duplicate_share - (1 - 1.0 / copies)) < 0.01);
  }
}

TEST_CASE("word lists that cannot be meant are refused", "[stage-quality]") {
  const TempDir dir;
  CHECK(error_of([&] { WordFilter(put(dir / "empty", "# nothing\n")); }).code() == ErrorCode::data);
  const auto two = put(dir / "two", "good\ntwo words\n");
  CHECK(error_of([&] { WordFilter filter(two); }).place() == two.string() + ":2");
  CHECK(error_of([&] { WordFilter filter(dir / "missing"); }).code() == ErrorCode::data);
}

TEST_CASE("what was seen of a stage goes on from its saved state", "[stage-quality]") {
  const TempDir dir;
  const auto words = put(dir / "words", "cat\n");
  const auto texts = [](int from, int to, StageQuality& quality) {
    for (int i = from; i < to; ++i) quality.add("text " + std::to_string(i % 40) + " of a cat, a@b.org");
  };
  StageQuality whole{WordFilter(words)}, first{WordFilter(words)}, second{WordFilter(words)};
  texts(0, 30, whole), whole.finish_stage(), texts(30, 100, whole);
  texts(0, 30, first), first.finish_stage(), texts(30, 61, first);
  REQUIRE(second.load_state(first.save_state()));
  CHECK(second.save_state() == first.save_state());
  texts(61, 100, second);
  const StageReport expected = whole.finish_stage(), report = second.finish_stage();
  CHECK(report.documents == 70);
  CHECK(report.duplicate_share == expected.duplicate_share);
  CHECK(report.duplicate_share > 0);
  CHECK(report.listed_words_per_million == expected.listed_words_per_million);
  CHECK(report.emails_per_million == expected.emails_per_million);
  CHECK(report.vocabulary_drift == expected.vocabulary_drift);
  CHECK(report.length_ratio == expected.length_ratio);

  StageQuality other;  // counts no listed words
  CHECK_FALSE(other.load_state(first.save_state()));
  CHECK(other.finish_stage().documents == 0);
  const std::string bytes = first.save_state();
  CHECK(error_of([&] { second.load_state(bytes.substr(0, bytes.size() / 2)); }).code() == ErrorCode::checkpoint);
  CHECK(error_of([&] { second.load_state("{}"); }).code() == ErrorCode::checkpoint);
}
