#include "data/support.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>

#include "core/base/json.h"
#include "core/data/shards/token_shard_writer.h"

namespace espalier::testing {

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "espalier-data-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path put(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(bytes.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

std::string json_lines(const std::vector<std::string>& documents, const std::string& field) {
  std::string lines;
  for (const auto& document : documents) lines += nlohmann::json{{field, document}}.dump() + "\n";
  return lines;
}

std::string random_words(uint64_t seed, size_t bytes) {
  const Rng rng(seed, "test.words");
  std::string text;
  for (uint64_t i = 0; text.size() < bytes; ++i) {
    const auto at = rng.below(30, i);
    text += at < 24 ? static_cast<char>('a' + at) : at == 29 ? '\n' : ' ';
  }
  return text;
}

std::string random_unicode(uint64_t seed, size_t count) {
  const Rng rng(seed, "test.unicode");
  std::string text;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t limits[] = {0x80, 0x800, 0x3000, 0x10000, 0x110000};
    auto code = static_cast<uint32_t>(rng.below(limits[rng.below(5, i, 1)], i));
    if (rng.below(8, i, 2) == 0) code = "\n\t \xA0\x00"[rng.below(5, i, 3)] & 0xFF;
    if (rng.below(20, i, 4) == 0) code = 0x2581;
    if (code >= 0xD800 && code < 0xE000) code = ' ';
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
    } else if (code < 0x10000) {
      text += {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 63)),
               static_cast<char>(0x80 | (code & 63))};
    } else {
      text += {static_cast<char>(0xF0 | (code >> 18)), static_cast<char>(0x80 | ((code >> 12) & 63)),
               static_cast<char>(0x80 | ((code >> 6) & 63)), static_cast<char>(0x80 | (code & 63))};
    }
  }
  return text;
}

SourceConfig source(const std::string& name, const fs::path& path, double weight) {
  SourceConfig config;
  config.name = name;
  config.path = path.string();
  config.weight = weight;
  return config;
}

DataConfig byte_config(const TempDir& dir, std::vector<SourceConfig> sources) {
  DataConfig config;
  config.tokenizer = "byte";
  config.cache_dir = (dir / "cache").string();
  config.sources = std::move(sources);
  return config;
}

DataConfig random_config(const TempDir& dir, uint64_t seed, const std::vector<int>& counts, size_t longest) {
  std::vector<SourceConfig> sources;
  const Rng rng(seed, "test.corpus");
  for (size_t s = 0; s < counts.size(); ++s) {
    std::vector<std::string> documents;
    for (int d = 0; d < counts[s]; ++d) {
      const auto id = static_cast<uint64_t>(d);
      documents.push_back(random_words(seed * 1000 + s * 100 + id, 1 + rng.below(longest, id, s)));
    }
    const std::string name = "s" + std::to_string(s);
    sources.push_back(source(name, put(dir / (name + ".jsonl"), json_lines(documents))));
  }
  return byte_config(dir, std::move(sources));
}

PreparedData prepare_bytes(const DataConfig& config, DifficultyScorer* scorer, int64_t tiers) {
  return prepare_sources(config, *make_byte_tokenizer(), scorer, tiers);
}

std::vector<uint64_t> random_lengths(uint64_t seed, size_t documents, uint64_t longest) {
  const Rng rng(seed, "test.lengths");
  std::vector<uint64_t> lengths(documents);
  for (size_t d = 0; d < documents; ++d) lengths[d] = 1 + rng.below(longest, d);
  return lengths;
}

TokenShard numbered_shard(const fs::path& stem, const std::vector<uint64_t>& lengths) {
  TokenShardWriter writer(stem, kNumberedEos + 1);
  int32_t next = 0;
  for (const uint64_t length : lengths) {
    std::vector<int32_t> ids(length);
    for (auto& id : ids) id = next++;
    writer.append(ids);
  }
  writer.finish();
  return TokenShard::open(stem.string() + ".bin", kNumberedEos);
}

void add_numbered_source(PreparedData& data, const TempDir& dir, uint64_t seed, const std::vector<uint64_t>& lengths,
                         size_t tiers, ExhaustedPolicy exhausted, double weight) {
  const std::string name = "s" + std::to_string(data.sources.size());
  data.eos = kNumberedEos;
  data.tiers.resize(tiers);
  data.sources.push_back({name, weight, exhausted, numbered_shard(dir / name, lengths), {}, {}, {}, name, {}});
  const Rng rng(seed, "test.tiers");
  for (size_t d = 0; d < lengths.size(); ++d)
    data.sources.back().tiers.push_back(static_cast<uint8_t>(rng.below(tiers, d)));
}

std::vector<float> FunctionScorer::score(const DocBatch& docs) {
  std::vector<float> scores;
  for (size_t i = 0; i < docs.count(); ++i) {
    const auto begin = static_cast<size_t>(docs.text_offsets[i]), end = static_cast<size_t>(docs.text_offsets[i + 1]);
    const std::string_view text(docs.text.data() + begin, end - begin);
    REQUIRE(docs.ids[i] == hash64(text));
    // One token a byte here: the tokens handed over are those of the text.
    REQUIRE(docs.token_offsets[i + 1] - docs.token_offsets[i] == static_cast<int64_t>(text.size()));
    scores.push_back(function_(text));
  }
  scored += docs.count();
  return scores;
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  throw;
}

}  // namespace espalier::testing
