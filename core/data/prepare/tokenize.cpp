#include "core/data/prepare/tokenize.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "core/base/cpus.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/data/shards/shard_set_writer.h"
#include "core/data/shards/token_ids.h"
#include "core/data/shards/token_shard.h"
#include "core/data/text/progress.h"

namespace espalier {
namespace {

constexpr size_t kBatchBytes = size_t{8} << 20;
constexpr size_t kBatchDocuments = size_t{1} << 16;

using Ids = std::vector<int32_t>;

// A point between two documents, and what the reader left out before it.
struct Place {
  uint64_t file = 0, line = 0, filtered = 0;
  ReadCounts counts;
};

struct Item {
  std::string text;
  uint64_t bytes = 0;
  DocumentLabels labels;
  HoldOut hold_out = HoldOut::by_content;
  ContentHash hash;
  Ids ids;
  bool wanted = true;
  Place after;
};

// A few megabytes of documents and their ids.
struct Batch {
  std::vector<Item> items;
  size_t bytes = 0;
};

class Tokenizing {
 public:
  Tokenizing(const TokenizeTask& task, const Tokenizer& tokenizer, const PartialShards& done)
      : task_(task),
        tokenizer_(tokenizer),
        needs_hash_(task.filter.holds_out || task.seen != nullptr),
        needs_labels_(!task.reading.language_field.empty() || !task.reading.license_field.empty() ||
                      !task.reading.label_field.empty()),
        writer_(task.stem, tokenizer.vocab_size(), task.shard_tokens, done.num_shards),
        totals_(done.totals),
        first_file_(done.file),
        first_line_(done.line) {
    written_.counts = {totals_.empty, totals_.invalid, totals_.repaired};
    written_.filtered = totals_.filtered;
    before_ = written_.counts;
    filtered_ = written_.filtered;
    for (size_t i = 0; i < task.files.size(); ++i) {
      const uint64_t size = std::filesystem::file_size(task.files[i].path);
      input_bytes_ += size;
      if (i < first_file_) read_bytes_ += size;
    }
    const unsigned threads = static_cast<unsigned>(std::min<int64_t>(usable_cpus().threads, 16));
    for (unsigned i = 0; i < threads; ++i) encoders_.push_back(tokenizer.make_encoder());
  }

  TokenizedShards run() {
    Progress progress(fmt::format("tokenizing {} ({})", task_.source, name_of(task_.split)), input_bytes_, read_bytes_);
    progress_ = &progress;
    for (size_t i = first_file_; i < task_.files.size(); ++i) {
      if (is_tokens(task_.files[i].format)) {
        add_tokens(i);
      } else {
        add_text(i);
      }
      read_bytes_ += std::filesystem::file_size(task_.files[i].path);
    }
    start_batch();
    finish_batch();
    if (writer_.num_shards() == 0 && !writer_.open()) nothing();
    writer_.close_shard();
    written_.counts = before_;
    written_.filtered = filtered_;
    return {totals(), writer_.num_shards()};
  }

 private:
  // Reading the next batch overlaps with encoding the one before it.
  void add_text(size_t file) {
    DocumentOptions reading = task_.reading;
    reading.format = task_.files[file].format;
    const auto reader = open_documents(task_.files[file].path, reading);
    if (file == first_file_) reader->skip_to(first_line_);
    const auto counts = [&] {
      const ReadCounts& here = reader->counts();
      return ReadCounts{before_.empty + here.empty, before_.invalid + here.invalid, before_.repaired + here.repaired};
    };
    for (std::string text; reader->next(text);) {
      if (!task_.filter.takes(reader->labels())) {
        ++filtered_;
        continue;
      }
      Item item;
      item.bytes = text.size();
      item.text = std::move(text);
      if (needs_labels_) item.labels = reader->labels();
      item.hold_out = reader->hold_out();
      item.after = {file, reader->line(), filtered_, counts()};
      filling_.bytes += item.bytes;
      filling_.items.push_back(std::move(item));
      if (filling_.bytes < kBatchBytes && filling_.items.size() < kBatchDocuments) continue;
      progress_->update(read_bytes_ + reader->bytes_read(), text_bytes_);
      start_batch();
    }
    before_ = counts();
  }

  void add_tokens(size_t file) {
    if (!task_.filter.takes(DocumentLabels{}))
      throw Error(ErrorCode::config,
                  fmt::format("languages and licenses of source \"{}\" need JSON lines: token shards carry no labels",
                              task_.source),
                  task_.files[file].path.string(), "leave them out, or give the text");
    start_batch();
    finish_batch();
    const auto& [path, format, compressed] = task_.files[file];
    const TokenShard shard = TokenShard::open(path, tokenizer_.eos(), format);
    if (format != FileFormat::megatron && shard.num_documents() == 1)
      log_warning("{} is one document: its only end-of-text token ({}), if any, is the last", path.string(),
                  tokenizer_.eos());
    Item item;
    for (uint64_t doc = file == first_file_ ? first_line_ : 0; doc < shard.num_documents(); ++doc) {
      item.ids.resize(shard.length(doc));
      shard.copy(shard.offset(doc), item.ids);
      check_ids(item.ids, shard.offset(doc), shard.path());
      if (!item.ids.empty() && item.ids.back() == tokenizer_.eos()) item.ids.pop_back();
      item.bytes = 0;
      for (const int32_t id : item.ids) item.bytes += static_cast<uint64_t>(tokenizer_.byte_length(id));
      if (needs_hash_) item.hash = content_hash(tokenizer_.decode(item.ids));
      item.wanted = task_.filter.takes(item.hash, item.hold_out);
      item.after = {file, doc + 1, filtered_, before_};
      write(item);
      if (doc % 1024 == 0)
        progress_->update(
            read_bytes_ + std::filesystem::file_size(task_.files[file].path) * doc / shard.num_documents(),
            text_bytes_);
    }
  }

  void start_batch() {
    finish_batch();
    std::swap(filling_, encoding_);
    filling_ = {};
    if (encoding_.items.empty()) return;
    next_ = 0;
    for (const auto& encoder : encoders_)
      running_.push_back(std::async(std::launch::async, [this, &encoder] {
        for (size_t i = next_++; i < encoding_.items.size(); i = next_++) encode(encoding_.items[i], *encoder);
      }));
  }

  // On any thread: the sets of hashes change only while no batch is being encoded.
  void encode(Item& item, Encoder& encoder) const {
    if (needs_hash_) item.hash = content_hash(item.text);
    item.wanted = task_.filter.takes(item.hash, item.hold_out);
    const bool known =
        task_.seen != nullptr &&
        ((task_.split == Split::train && task_.seen->train.contains(item.hash)) || task_.seen->val.contains(item.hash));
    if (item.wanted && !known) encoder.encode(item.text, item.ids);
    std::string().swap(item.text);
  }

  void finish_batch() {
    for (auto& worker : running_) worker.get();
    running_.clear();
    for (auto& item : encoding_.items) {
      write(item);
      Ids().swap(item.ids);
    }
    encoding_ = {};
  }

  void write(Item& item) {
    written_ = item.after;
    text_bytes_ += item.bytes;
    held_out_ += item.wanted ? 0 : 1;
    if (!item.wanted || (task_.seen != nullptr && !first_of_its_kind(item.hash))) return;
    if (item.ids.empty()) return;
    writer_.append(item.ids, tokenizer_.eos(), task_.seen != nullptr ? &item.hash : nullptr,
                   needs_labels_ ? &item.labels : nullptr);
    ++totals_.documents;
    totals_.tokens += item.ids.size() + 1;
    totals_.bytes += item.bytes;
    if (!task_.reading.language_field.empty()) ++totals_.languages[item.labels.language];
    if (!task_.reading.license_field.empty()) ++totals_.licenses[item.labels.license];
    if (!writer_.full()) return;
    writer_.close_shard();
    write_partial(task_.stem, {totals(), writer_.num_shards(), written_.file, written_.line});
  }

  bool first_of_its_kind(const ContentHash& hash) {
    if (task_.split == Split::train && task_.seen->val.contains(hash)) {
      ++totals_.in_validation;
      return false;
    }
    auto& set = task_.split == Split::train ? task_.seen->train : task_.seen->val;
    if (set.insert(hash)) return true;
    ++totals_.duplicates;
    return false;
  }

  // Up to the last document written. What was left out while reading is told with the training documents only, where a
  // source is read once for each split.
  ShardTotals totals() const {
    ShardTotals totals = totals_;
    const bool told = !(task_.filter.holds_out && task_.split == Split::val);
    totals.empty = told ? written_.counts.empty : 0;
    totals.invalid = told ? written_.counts.invalid : 0;
    totals.repaired = told ? written_.counts.repaired : 0;
    totals.filtered = told ? written_.filtered : 0;
    return totals;
  }

  void check_ids(const Ids& ids, uint64_t first, const std::string& path) const {
    const size_t bad = first_outside(ids, tokenizer_.vocab_size());
    if (bad != ids.size())
      refuse_id(ids[bad], tokenizer_.vocab_size(), fmt::format("{}: token number {}", path, first + bad));
  }

  [[noreturn]] void nothing() const {
    const auto error = [](const std::string& what, const std::string& hint) {
      return Error(ErrorCode::data, what, "data.sources", hint);
    };
    if (task_.filter.holds_out && task_.split == Split::val)
      throw error(
          fmt::format("no document of source \"{}\" is held out for validation; it has {}", task_.source, held_out_),
          "raise val_fraction or val_documents, or name validation text with val");
    if (task_.filter.holds_out && held_out_ > 0)
      throw error(fmt::format("all {} documents of source \"{}\" are held out for validation", held_out_, task_.source),
                  "give it more documents, lower val_fraction or val_documents, or name validation text with val");
    const uint64_t left_out = totals_.duplicates + totals_.in_validation + before_.invalid + before_.empty + filtered_;
    throw error(fmt::format("source \"{}\" holds no text", task_.source),
                left_out == 0
                    ? "check its files"
                    : fmt::format("{} documents were left out: {} duplicates, {} in validation, {} not UTF-8, "
                                  "{} by language or licence, {} without text",
                                  left_out, totals_.duplicates, totals_.in_validation, before_.invalid, filtered_,
                                  before_.empty));
  }

  const TokenizeTask& task_;
  const Tokenizer& tokenizer_;
  const bool needs_hash_, needs_labels_;
  ShardSetWriter writer_;
  ShardTotals totals_;  // of what is written
  uint64_t first_file_, first_line_;
  Place written_;
  ReadCounts before_;      // of the files before this one
  uint64_t filtered_ = 0;  // read so far
  uint64_t held_out_ = 0;  // documents that belong to the other split
  uint64_t input_bytes_ = 0, read_bytes_ = 0, text_bytes_ = 0;
  Progress* progress_ = nullptr;
  std::vector<std::unique_ptr<Encoder>> encoders_;
  Batch filling_, encoding_;
  std::atomic<size_t> next_{0};
  // Last, so that it goes first: a future of std::async waits for its thread, which uses the members above.
  std::vector<std::future<void>> running_;
};

}  // namespace

TokenizedShards tokenize_files(const TokenizeTask& task, const Tokenizer& tokenizer) {
  const PartialShards done = read_partial(task.stem).value_or(PartialShards{});
  if (done.num_shards > 0)
    log_info("going on with {} ({}) after {} whole shards", task.source, name_of(task.split), done.num_shards);
  if (task.seen != nullptr)
    for (uint64_t i = 0; i < done.num_shards; ++i)
      read_hashes(shard_stem(task.stem, i), task.split == Split::train ? task.seen->train : task.seen->val);
  return Tokenizing(task, tokenizer, done).run();
}

}  // namespace espalier
