#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <set>

#include "catch.h"
#include "core/base/file.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "support/temp_dir.h"

using namespace espalier;

TEST_CASE("numbers depend on seed, purpose, stream and counter, and on nothing else", "[base][rng]") {
  const Rng rng(1, "a");
  CHECK(rng.words(5) == Rng(1, "a").words(5));
  CHECK(rng.words(5) != rng.words(6));
  CHECK(rng.words(5) != rng.words(5, 1));
  CHECK(rng.words(5) != Rng(2, "a").words(5));
  CHECK(rng.words(5) != Rng(1, "b").words(5));
}

TEST_CASE("uniform and normal numbers have the moments they should", "[base][rng]") {
  const Rng rng(3, "moments");
  double sum = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    const double u = rng.uniform(i);
    REQUIRE((u >= 0 && u < 1));
    sum += u;
    REQUIRE(rng.below(7, i) < 7);
  }
  CHECK(sum / 20000 == Approx(0.5).margin(0.01));
  std::vector<float> normal(40001);
  rng.normal(normal);
  double mean = 0, square = 0;
  for (const float x : normal) {
    REQUIRE(std::isfinite(x));
    mean += x;
    square += double{x} * x;
  }
  CHECK(mean / 40001 == Approx(0).margin(0.02));
  CHECK(square / 40001 == Approx(1).margin(0.03));
}

TEST_CASE("the generator and its keying never change", "[base][rng]") {
  // From a second implementation in Python, itself checked against Random123's known answer for counter 0 and key 0
  // (6627e8d5 e169c58d bc57ac4c 9b00dbd8).
  const auto words = Rng(0, "").words(0);
  CHECK(words == std::array<uint32_t, 4>{0x7E424203U, 0x91616405U, 0x89F2A628U, 0xA95C5759U});
}

TEST_CASE("a permutation visits every index once, and another epoch another way", "[base][rng]") {
  for (const uint64_t size : {1, 2, 3, 17, 64, 1000}) {
    const Permutation a(size, 9, "data", 0), b(size, 9, "data", 1);
    std::set<uint64_t> seen;
    uint64_t differs = 0;
    for (uint64_t i = 0; i < size; ++i) {
      REQUIRE(a(i) < size);
      seen.insert(a(i));
      differs += a(i) != b(i);
    }
    CHECK(seen.size() == size);
    if (size > 60) CHECK(differs > size / 2);
  }
}

TEST_CASE("many permutations at a time are what they are one by one", "[base][rng]") {
  const Rng rng(4, "test.permutations");
  for (const size_t count : {0, 1, 7, 8, 63, 64, 65, 200}) {
    std::vector<Permutation> all;
    std::vector<const Permutation*> pointers;
    std::vector<uint64_t> indices, expected;
    for (size_t i = 0; i < count; ++i) {
      const uint64_t bits = 1 + rng.below(40, i);
      all.emplace_back(1 + rng.below(uint64_t{1} << bits, i, 1), i, "data", count);
    }
    for (size_t i = 0; i < count; ++i) {
      pointers.push_back(&all[i]);
      indices.push_back(rng.below(all[i].size(), i, 2));
      expected.push_back(all[i](indices[i]));
    }
    Permutation::apply(pointers, indices);
    CHECK(indices == expected);
  }
}

TEST_CASE("files are replaced whole, and hashes are the published ones", "[base][file]") {
  const TempDir dir;
  const fs::path path = dir.path() / "f";
  write_file_atomic(path, "one", ErrorCode::data);
  write_file_atomic(path, "two", ErrorCode::data);
  CHECK(read_file(path, ErrorCode::data) == "two");
  CHECK_FALSE(fs::exists(dir.path() / "f.tmp"));
  CHECK(sha256_bytes("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_file(path, ErrorCode::data) == sha256_bytes("two"));
  CHECK(MappedFile(path, ErrorCode::data).bytes().size() == 3);
  write_file(path, "", ErrorCode::data);
  CHECK(read_file(path, ErrorCode::data).empty());
  CHECK_THROWS_WITH(read_file(dir.path() / "none", ErrorCode::data),
                    Catch::Contains("none") && Catch::Contains("No such file"));
  CHECK_THROWS_WITH(read_file(dir.path(), ErrorCode::data), Catch::Contains("folder"));
}

TEST_CASE("two processes cannot hold one run folder", "[base][file]") {
  const TempDir dir;
  const FolderLock lock(dir.path());
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const FolderLock second(dir.path());
    } catch (const Error& error) {
      ::_exit(error.exit_code());
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 2);
}

TEST_CASE("words near a known one are suggested, others are not", "[base][text]") {
  const std::vector<std::string> known{"learning_rate", "weight_decay", "num_layers"};
  CHECK(did_you_mean("num_layer", known) == "did you mean 'num_layers'?");
  CHECK(did_you_mean("wieght_decay", known) == "did you mean 'weight_decay'?");
  CHECK(did_you_mean("zebra", known).empty());
}

TEST_CASE("numbers and times read well", "[base][text]") {
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(-12) == "-12");
  CHECK(human_count(5310000) == "5.31M");
  CHECK(human_count(999) == "999");
  CHECK(human_count(999600) == "1M");
  CHECK(human_seconds(75) == "1m15s");
  CHECK(human_seconds(3661) == "1h01m");
  CHECK(split("a:b::c", ':') == std::vector<std::string>{"a", "b", "", "c"});
}

TEST_CASE("UTF-8 is checked to the byte", "[base][text]") {
  constexpr auto npos = std::string_view::npos;
  CHECK(find_invalid_utf8("") == npos);
  CHECK(find_invalid_utf8("plain") == npos);
  CHECK(find_invalid_utf8("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80") == npos);
  CHECK(find_invalid_utf8("ab\xFF") == 2);
  CHECK(find_invalid_utf8("\xC0\x80") == 0);          // overlong
  CHECK(find_invalid_utf8("x\xED\xA0\x80") == 1);     // surrogate
  CHECK(find_invalid_utf8("\xF4\x90\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(find_invalid_utf8("cut \xE2\x82") == 4);
  CHECK(find_invalid_utf8("cut \xC3") == 4);
  CHECK(valid_utf8("a\xFFz\xC3") == "a\xEF\xBF\xBDz\xEF\xBF\xBD");
  CHECK(valid_utf8("plain") == "plain");
}
