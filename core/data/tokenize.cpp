#include "core/data/tokenize.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/data/documents.h"
#include "core/data/token_shard.h"
#include "core/data/token_shard_writer.h"

namespace espalier {
namespace {

constexpr size_t kBatchBytes = size_t{8} << 20;
constexpr uint64_t kLogEvery = uint64_t{256} << 20;

using Ids = std::vector<int32_t>;

// A few megabytes of documents and their ids.
struct Batch {
  std::vector<std::string> texts;
  std::vector<Ids> ids;
  size_t bytes = 0;
};

class Tokenizing {
 public:
  Tokenizing(const Tokenizer& tokenizer, const std::filesystem::path& stem, std::string source)
      : tokenizer_(tokenizer), writer_(stem, tokenizer.vocab_size()), source_(std::move(source)) {
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, 16u);
    for (unsigned i = 0; i < threads; ++i) encoders_.push_back(tokenizer.make_encoder());
  }

  // Reading the next batch overlaps with encoding the one before it.
  void add_text(const std::filesystem::path& file, const std::string& text_field) {
    const auto reader = open_documents(file, text_field);
    for (std::string text; reader->next(text);) {
      filling_.bytes += text.size();
      filling_.texts.push_back(std::move(text));
      if (filling_.bytes >= kBatchBytes) start_batch();
    }
  }

  void add_tokens(const std::filesystem::path& file) {
    start_batch();
    finish_batch();
    const TokenShard shard = TokenShard::open(file, tokenizer_.eos());
    Ids ids;
    for (size_t doc = 0; doc < shard.num_documents(); ++doc) {
      ids.resize(shard.length(doc));
      shard.copy(shard.offset(doc), ids);
      check_ids(ids, shard.path());
      if (!ids.empty() && ids.back() == tokenizer_.eos()) ids.pop_back();
      for (const int32_t id : ids) totals_.bytes += static_cast<uint64_t>(tokenizer_.byte_length(id));
      write(ids);
    }
  }

  ShardTotals finish() {
    start_batch();
    finish_batch();
    if (writer_.num_documents() == 0)
      throw Error(ErrorCode::data, fmt::format("source \"{}\" holds no text", source_), "data.sources",
                  "check its files");
    writer_.finish();
    totals_.documents = writer_.num_documents();
    totals_.tokens = writer_.num_tokens();
    return totals_;
  }

 private:
  void start_batch() {
    finish_batch();
    std::swap(filling_, encoding_);
    filling_ = {};
    if (encoding_.texts.empty()) return;
    encoding_.ids.resize(encoding_.texts.size());
    next_ = 0;
    for (const auto& encoder : encoders_)
      running_.push_back(std::async(std::launch::async, [this, &encoder] {
        for (size_t i = next_++; i < encoding_.texts.size(); i = next_++)
          encoder->encode(encoding_.texts[i], encoding_.ids[i]);
      }));
  }

  void finish_batch() {
    for (auto& worker : running_) worker.get();
    running_.clear();
    for (auto& ids : encoding_.ids) write(ids);
    const uint64_t before = totals_.bytes;
    totals_.bytes += encoding_.bytes;
    if (totals_.bytes / kLogEvery != before / kLogEvery)
      log_info("tokenizing {}: {}B of text so far", source_, human_count(static_cast<double>(totals_.bytes)));
    encoding_ = {};
  }

  void write(Ids& ids) {
    if (ids.empty()) return;
    ids.push_back(tokenizer_.eos());
    writer_.append(ids);
  }

  void check_ids(const Ids& ids, const std::string& path) const {
    for (const int32_t id : ids)
      if (id < 0 || id >= tokenizer_.vocab_size())
        throw Error(ErrorCode::data,
                    fmt::format("token {} lies outside the vocabulary of {}", id, tokenizer_.vocab_size()), path,
                    "set data.tokenizer to the tokenizer that made the shard");
  }

  const Tokenizer& tokenizer_;
  TokenShardWriter writer_;
  std::string source_;
  std::vector<std::unique_ptr<Encoder>> encoders_;
  Batch filling_, encoding_;
  std::atomic<size_t> next_{0};
  ShardTotals totals_;
  // Last, so that it goes first: a future of std::async waits for its thread, which uses the members above.
  std::vector<std::future<void>> running_;
};

}  // namespace

ShardTotals tokenize_files(const std::vector<std::filesystem::path>& files, const std::string& text_field,
                           const Tokenizer& tokenizer, const std::filesystem::path& stem, const std::string& source) {
  Tokenizing work(tokenizer, stem, source);
  for (const auto& file : files) {
    if (is_token_shard(file)) {
      work.add_tokens(file);
    } else {
      work.add_text(file, text_field);
    }
  }
  return work.finish();
}

}  // namespace espalier
