// A scratch folder, small corpora and prepared data for the tests of the data layer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/rng.h"
#include "core/data/prepare/prepare.h"
#include "core/data/stream/config.h"
#include "core/data/tokenizer/byte_tokenizer.h"

namespace espalier::testing {

// A folder of its own, removed at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Writes the bytes and gives the path back.
fs::path put(const fs::path& path, std::string_view bytes);
std::string gzip(std::string_view bytes);
std::string zstd(std::string_view bytes);
// One JSON line a document.
std::string json_lines(const std::vector<std::string>& documents, const std::string& field = "text");
// Words of random letters, `bytes` long or a little more; the same for the same seed.
std::string random_words(uint64_t seed, size_t bytes);
// Random code points from all over Unicode, controls and U+2581 included.
std::string random_unicode(uint64_t seed, size_t count);

SourceConfig source(const std::string& name, const fs::path& path, double weight = 0);
// A configuration with the byte tokenizer, its cache inside `dir`.
DataConfig byte_config(const TempDir& dir, std::vector<SourceConfig> sources);
// Writes `counts[i]` random documents of up to `longest` bytes for source i ("s0", "s1", ...).
DataConfig random_config(const TempDir& dir, uint64_t seed, const std::vector<int>& counts, size_t longest = 60);
PreparedData prepare_bytes(const DataConfig& config, DifficultyScorer* scorer = nullptr, int64_t tiers = 1);

// Random lengths from 1 to `longest`.
std::vector<uint64_t> random_lengths(uint64_t seed, size_t documents, uint64_t longest);
// Documents of these lengths whose tokens are all different, so that a token names its place: 0, 1, 2, ...
TokenShard numbered_shard(const fs::path& stem, const std::vector<uint64_t>& lengths);
// The end of text of numbered data: padding, which is no token of theirs.
constexpr int32_t kNumberedEos = 999999;
// `data` gets one more source of such documents, each in a random one of `tiers` tiers.
void add_numbered_source(PreparedData& data, const TempDir& dir, uint64_t seed, const std::vector<uint64_t>& lengths,
                         size_t tiers, ExhaustedPolicy exhausted, double weight = 0);

// Scores a document by a function of its text, counting the calls.
class FunctionScorer : public DifficultyScorer {
 public:
  explicit FunctionScorer(std::function<float(std::string_view)> function, bool fit = false)
      : function_(std::move(function)), fit_(fit) {}
  bool needs_tokens() const override { return true; }
  bool needs_fit() const override { return fit_; }
  void fit_batch(const DocBatch& docs) override { fitted += docs.count(); }
  void fit_end() override { ++fits; }
  std::vector<float> score(const DocBatch& docs) override;
  std::string fingerprint() const override { return name; }

  std::string name = R"({"id":"test","version":"1"})";
  size_t fitted = 0, fits = 0, scored = 0;

 private:
  std::function<float(std::string_view)> function_;
  bool fit_;
};

// The error that `action` throws; fails the test when it throws none.
Error error_of(const std::function<void()>& action);

}  // namespace espalier::testing
