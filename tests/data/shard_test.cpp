#include <cstring>

#include "core/base/json.h"
#include "core/data/difficulty/npy.h"
#include "core/data/shards/token_shard.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using Documents = std::vector<std::vector<int32_t>>;

namespace {

Documents random_documents(uint64_t seed, int32_t vocab) {
  const Rng rng(seed, "test.shard");
  Documents documents(1 + rng.below(30, 0));
  for (size_t d = 0; d < documents.size(); ++d) {
    documents[d].resize(1 + rng.below(50, d, 1));
    for (size_t i = 0; i < documents[d].size(); ++i)
      documents[d][i] = static_cast<int32_t>(rng.below(static_cast<uint64_t>(vocab), i, 2 + d));
  }
  return documents;
}

void write_shard(const fs::path& stem, const Documents& documents, int32_t vocab) {
  TokenShardWriter writer(stem, vocab);
  for (const auto& document : documents) writer.append(document);
  writer.finish();
}

Documents read_shard(const TokenShard& shard) {
  Documents documents(shard.num_documents());
  for (size_t d = 0; d < documents.size(); ++d) {
    documents[d].resize(shard.length(d));
    shard.copy(shard.offset(d), documents[d]);
  }
  return documents;
}

template <class T>
std::string as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

TEST_CASE("Megatron shards give back what was written", "[data][shard]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const int32_t vocab : {257, 65499, 65500, 200000}) {
      const Documents documents = random_documents(seed, vocab);
      write_shard(dir / "s", documents, vocab);
      CHECK(read_shard(TokenShard::open(dir / "s.bin", 0)) == documents);
      CHECK(fs::file_size(dir / "s.bin") % (vocab < 65500 ? 2 : 4) == 0);
    }
  }
}

TEST_CASE("the Megatron index has the published layout", "[data][shard]") {
  const TempDir dir;
  write_shard(dir / "s", {{1, 2, 3}, {4}}, 257);
  std::string expected("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08", 18);
  expected +=
      as_bytes<uint64_t>({2, 3}) + as_bytes<int32_t>({3, 1}) + as_bytes<int64_t>({0, 6}) + as_bytes<int64_t>({0, 1, 2});
  CHECK(read_file(dir / "s.idx", ErrorCode::data) == expected);
  CHECK(read_file(dir / "s.bin", ErrorCode::data) == as_bytes<uint16_t>({1, 2, 3, 4}));
}

TEST_CASE("sequences of one Megatron document are joined", "[data][shard]") {
  const TempDir dir;
  std::string idx("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x04", 18);
  idx += as_bytes<uint64_t>({3, 3}) + as_bytes<int32_t>({2, 1, 1}) + as_bytes<int64_t>({0, 8, 12}) +
         as_bytes<int64_t>({0, 2, 3});
  put(dir / "s.idx", idx);
  put(dir / "s.bin", as_bytes<int32_t>({70000, 2, 3, 4}));
  CHECK(read_shard(TokenShard::open(dir / "s.idx", 0)) == Documents{{70000, 2, 3}, {4}});
}

TEST_CASE("a truncated or altered shard is an error, never a wrong read", "[data][shard]") {
  const TempDir dir;
  write_shard(dir / "s", random_documents(5, 257), 257);
  const std::string idx = read_file(dir / "s.idx", ErrorCode::data), bin = read_file(dir / "s.bin", ErrorCode::data);
  const auto damaged = [&] {
    const Error error = error_of([&] { TokenShard::open(dir / "s.bin", 0); });
    CHECK(error.code() == ErrorCode::data);
    CHECK_FALSE(error.hint().empty());
    CHECK_THAT(error.place(), Contains("s."));
  };
  for (size_t cut = 0; cut < idx.size(); ++cut) {
    put(dir / "s.idx", std::string_view(idx).substr(0, cut));
    damaged();
  }
  put(dir / "s.idx", idx + "x");
  damaged();
  for (const size_t at : {0, 9, 17, 18, 26, 34}) {  // magic, version, type, counts, first length
    std::string altered = idx;
    altered[at] = static_cast<char>(altered[at] ^ 0x3F);
    put(dir / "s.idx", altered);
    damaged();
  }
  put(dir / "s.idx", idx);
  put(dir / "s.bin", bin.substr(0, bin.size() - 1));
  damaged();
  put(dir / "s.bin", "");
  damaged();
  CHECK_THAT(error_of([&] { TokenShard::open(dir / "none.bin", 0); }).message(), Contains("no such token shard"));
}

TEST_CASE("each way in which an index can lie is named", "[data][shard]") {
  const TempDir dir;
  put(dir / "s.bin", as_bytes<uint16_t>({1, 2, 3, 4, 5, 6}));
  struct Lie {
    const char* message;
    std::vector<int32_t> lengths;
    std::vector<int64_t> starts, bounds;
  };
  const std::vector<Lie> lies{
      {"does not start where", {3, 1, 2}, {0, 4, 8}, {0, 1, 2, 3}},                 // starts overlap
      {"does not start where", {3, 1, 2}, {0, 8, 6}, {0, 1, 2, 3}},                 // not rising
      {"does not start where", {3, 1, 2}, {2, 8, 10}, {0, 1, 2, 3}},                // not from the beginning
      {"does not start where", {3, 1, 2}, {0, 6, int64_t{1} << 62}, {0, 1, 2, 3}},  // outside of the file
      {"does not start where", {3, 1, 2}, {0, -6, 8}, {0, 1, 2, 3}},                // negative
      {"negative length", {3, -1, 4}, {0, 6, 4}, {0, 1, 2, 3}},                     //
      {"its index speaks of 14", {3, 1, 3}, {0, 6, 8}, {0, 1, 2, 3}},               // more than the file has
      {"its index speaks of 10", {3, 1, 1}, {0, 6, 8}, {0, 1, 2, 3}},               // less
      {"its index speaks of", {3, 1, 2147483647}, {0, 6, 8}, {0, 1, 2, 3}},         // far more
      {"bounds are out of order", {3, 1, 2}, {0, 6, 8}, {0, 2, 1, 3}},              //
      {"bounds are out of order", {3, 1, 2}, {0, 6, 8}, {1, 1, 2, 3}},              // not from the first
      {"bounds are out of order", {3, 1, 2}, {0, 6, 8}, {0, 1, 2, 4}},              // beyond the last
      {"bounds are out of order", {3, 1, 2}, {0, 6, 8}, {0, 1, -1, 3}},             //
      {"leave sequences out", {3, 1, 2}, {0, 6, 8}, {0, 1, 2}},                     //
  };
  for (const auto& lie : lies) {
    std::string idx("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08", 18);
    idx += as_bytes<uint64_t>({lie.lengths.size(), lie.bounds.size()}) + as_bytes(lie.lengths) + as_bytes(lie.starts) +
           as_bytes(lie.bounds);
    put(dir / "s.idx", idx);
    const Error one = error_of([&] { TokenShard::open(dir / "s.bin", 0); });
    CHECK_THAT(one.message(), Contains(lie.message));
    CHECK_THAT(one.place(), Contains((dir / "s.").string()));
    const Error set = error_of([&] { TokenShard::open_indexed({dir / "s.bin"}, dir / "set.index"); });
    CHECK(set.message() == one.message());
  }
  // Documents without sequences and sequences without tokens do no harm.
  std::string idx("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08", 18);
  idx += as_bytes<uint64_t>({3, 5}) + as_bytes<int32_t>({4, 0, 2}) + as_bytes<int64_t>({0, 8, 8}) +
         as_bytes<int64_t>({0, 0, 1, 2, 3});
  put(dir / "s.idx", idx);
  CHECK(read_shard(TokenShard::open(dir / "s.bin", 0)) == Documents{{1, 2, 3, 4}, {}, {5, 6}});
}

TEST_CASE("a huge count in an index does not reserve memory", "[data][shard]") {
  const TempDir dir;
  std::string idx("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08", 18);
  idx += as_bytes<uint64_t>({~uint64_t{0} / 2, 1}) + as_bytes<int64_t>({0});
  put(dir / "s.idx", idx);
  put(dir / "s.bin", "");
  CHECK_THAT(error_of([&] { TokenShard::open(dir / "s.bin", 0); }).message(), Contains("truncated"));
}

TEST_CASE("an unfinished shard leaves nothing behind", "[data][shard]") {
  const TempDir dir;
  {
    TokenShardWriter writer(dir / "s", 257);
    writer.append(std::vector<int32_t>{1, 2});
    CHECK_FALSE(fs::exists(dir / "s.bin"));
  }
  CHECK(fs::is_empty(dir.path()));
  CHECK(error_of([&] { TokenShardWriter(dir / "no/such/s", 257); }).code() == ErrorCode::data);
}

TEST_CASE("several shards opened as one are their concatenation", "[data][shard]") {
  const TempDir dir;
  Documents expected;
  std::vector<int32_t> joined;
  std::vector<fs::path> bins;
  std::vector<uint64_t> firsts;
  for (uint64_t i = 0; i < 6; ++i) {
    const fs::path stem = dir / ("s" + std::to_string(i));
    // Both widths, and one shard without documents in the middle.
    const Documents documents = i == 3 ? Documents{} : random_documents(i, 257);
    write_shard(stem, documents, i == 1 ? 70000 : 257);
    bins.push_back(stem.string() + ".bin");
    for (const auto& document : documents) {
      expected.push_back(document);
      firsts.push_back(i);
      joined.insert(joined.end(), document.begin(), document.end());
    }
  }
  const TokenShard all = TokenShard::open_indexed(bins, dir / "all.index");
  CHECK(read_shard(all) == expected);
  CHECK(all.num_tokens() == joined.size());
  CHECK(all.num_files() == 6);
  for (size_t d = 0; d < expected.size(); ++d) CHECK(all.path_of(d) == bins[firsts[d]].string());
  const Rng rng(3, "test.ranges");
  for (uint64_t i = 0; i < 500; ++i) {  // ranges that cross from file to file
    const uint64_t first = rng.below(joined.size(), i);
    std::vector<int32_t> out(rng.below(joined.size() - first + 1, i, 1));
    all.copy(first, out);
    CHECK(std::equal(out.begin(), out.end(), joined.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

TEST_CASE("the index of several shards is used again only while they are the same", "[data][shard]") {
  const TempDir dir;
  const std::vector<fs::path> bins{dir / "a.bin", dir / "b.bin"};
  write_shard(dir / "a", {{1, 2}, {3}}, 257);
  write_shard(dir / "b", {{4}}, 257);
  const auto open = [&] { return read_shard(TokenShard::open_indexed(bins, dir / "ab.index")); };
  CHECK(open() == Documents{{1, 2}, {3}, {4}});
  const auto written = fs::last_write_time(dir / "ab.index");
  CHECK(open().size() == 3);
  CHECK(fs::last_write_time(dir / "ab.index") == written);
  SECTION("a shard written again is read again") {
    write_shard(dir / "b", {{5, 6}, {7}}, 257);
    CHECK(open() == Documents{{1, 2}, {3}, {5, 6}, {7}});
  }
  SECTION("a shard that lies is an error, and the index stays as it was") {
    put(dir / "b.bin", "abc");
    CHECK_THAT(error_of(open).place(), Contains("b.bin"));
    write_shard(dir / "b", {{4}}, 257);
    fs::remove(dir / "b.idx");
    CHECK_THAT(error_of(open).place(), Contains("b.idx"));
    CHECK_FALSE(fs::exists(dir / "ab.index.tmp"));
  }
  SECTION("a damaged index is made again") {
    const std::string whole = read_file(dir / "ab.index", ErrorCode::data);
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string altered = whole;
      altered[at] = static_cast<char>(altered[at] ^ 0x41);
      put(dir / "ab.index", altered);
      CHECK(open() == Documents{{1, 2}, {3}, {4}});
      put(dir / "ab.index", std::string_view(whole).substr(0, at));
      CHECK(open() == Documents{{1, 2}, {3}, {4}});
    }
  }
}

TEST_CASE("llm.c and nanoGPT files are read as documents between end-of-text tokens", "[data][shard]") {
  const TempDir dir;
  const std::vector<uint16_t> tokens{9, 1, 2, 9, 3, 9, 4, 5};  // 9 ends a text
  const Documents expected{{9}, {1, 2, 9}, {3, 9}, {4, 5}};
  CHECK(read_shard(TokenShard::open(put(dir / "nanogpt.bin", as_bytes(tokens)), 9)) == expected);
  std::vector<int32_t> header(256, 0);
  header[0] = 20240520;
  header[1] = 1;
  header[2] = static_cast<int32_t>(tokens.size());
  CHECK(read_shard(TokenShard::open(put(dir / "llmc.bin", as_bytes(header) + as_bytes(tokens)), 9)) == expected);

  CHECK(error_of([&] { TokenShard::open(put(dir / "odd.bin", "abc"), 9); }).code() == ErrorCode::data);
  CHECK(error_of([&] { TokenShard::open(put(dir / "empty.bin", ""), 9); }).code() == ErrorCode::data);
  const std::string whole = as_bytes(header) + as_bytes(tokens);
  CHECK_THAT(
      error_of([&] { TokenShard::open(put(dir / "cut.bin", std::string_view(whole).substr(0, 1030)), 9); }).message(),
      Contains("header speaks of 8 tokens"));
  header[1] = 7;
  CHECK_THAT(error_of([&] { TokenShard::open(put(dir / "v7.bin", as_bytes(header)), 9); }).message(),
             Contains("version 7"));
}

TEST_CASE("npy vectors give back what was written", "[data][shard]") {
  const TempDir dir;
  for (const size_t count : {0, 1, 7, 1000}) {
    std::vector<float> values(count);
    Rng(count, "test.npy").normal(values);
    write_npy(dir / "v.npy", values);
    CHECK(read_npy(dir / "v.npy") == values);
    const std::string bytes = read_file(dir / "v.npy", ErrorCode::data);
    CHECK((bytes.size() - count * 4) % 64 == 0);
    for (size_t cut = 0; cut < std::min<size_t>(bytes.size(), 130); ++cut)
      CHECK(error_of([&] {
              read_npy(put(dir / "cut.npy", std::string_view(bytes).substr(0, bytes.size() - 1 - cut)));
            }).code() == ErrorCode::data);
  }
}
