#include "core/data/shards/shard_set_writer.h"

#include <cstring>

#include "core/base/checksum.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/open_file.h"
#include "core/data/shards/shard_manifest.h"
#include "core/data/shards/shard_sums.h"

namespace espalier {
namespace {

// Bounds the memory for the index of a shard of very short documents.
constexpr uint64_t kMostDocuments = uint64_t{1} << 22;
constexpr size_t kMostLabels = 65536;

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// A killed process leaves its temporary files; nobody else writes here, the cache is locked.
void remove_temporaries(const fs::path& stem) {
  const std::string name = stem.filename().string() + ".";
  const fs::path folder = stem.has_parent_path() ? stem.parent_path() : fs::path(".");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string other = entry.path().filename().string();
    if (!other.starts_with(name) || other.find(".tmp") == std::string::npos) continue;
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
}

}  // namespace

ShardSetWriter::ShardSetWriter(fs::path stem, int32_t vocab_size, uint64_t shard_tokens, uint64_t first)
    : stem_(std::move(stem)), vocab_size_(vocab_size), shard_tokens_(shard_tokens), number_(first) {
  remove_temporaries(stem_);
}

void ShardSetWriter::append(std::span<const int32_t> document, int32_t end, const ContentHash* hash,
                            const DocumentLabels* labels) {
  if (!writer_) writer_.emplace(shard_stem(stem_, number_), vocab_size_);
  writer_->append(document, end);
  if (hash != nullptr) hashes_.push_back(*hash);
  if (labels == nullptr) return;
  add_label(languages_, labels->language);
  add_label(licenses_, labels->license);
  add_label(labels_, labels->label);
}

void ShardSetWriter::add_label(Column& column, const std::string& value) {
  const auto [found, added] = column.numbers.emplace(value, static_cast<uint16_t>(column.values.size()));
  if (added) column.values.push_back(value);
  if (column.values.size() > kMostLabels)
    throw Error(ErrorCode::data, "a shard has more than 65536 different languages, licences or labels", stem_.string(),
                "set language_field, license_field and label_field to keys that hold a few names, not free text");
  column.of_document.push_back(found->second);
}

bool ShardSetWriter::full() const {
  return writer_ && (writer_->num_tokens() >= shard_tokens_ || writer_->num_documents() >= kMostDocuments);
}

void ShardSetWriter::close_shard() {
  if (!writer_) return;
  const std::string name = shard_stem(stem_, number_).string();
  uint64_t hashes = 0, labels = 0, labels_json = 0;
  const auto keep = [&](const char* suffix, std::string_view bytes) {
    write_file_atomic(name + suffix, bytes, ErrorCode::data);
    return checksum(bytes);
  };
  if (!hashes_.empty()) hashes = keep(".hashes", bytes_of(hashes_));
  if (!languages_.of_document.empty()) {
    const nlohmann::json info{{"documents", languages_.of_document.size()},
                              {"language", languages_.values},
                              {"license", licenses_.values},
                              {"label", labels_.values}};
    labels = keep(".labels", std::string(bytes_of(languages_.of_document))
                                 .append(bytes_of(licenses_.of_document))
                                 .append(bytes_of(labels_.of_document)));
    labels_json = keep(".labels.json", info.dump(1));
  }
  writer_->finish();
  ShardSums sums = writer_->sums();
  sums.hashes = hashes;
  sums.labels = labels;
  sums.labels_json = labels_json;
  write_sums(name, {&sums, 1});
  writer_.reset();
  hashes_.clear();
  languages_ = {};
  licenses_ = {};
  labels_ = {};
  ++number_;
}

void read_hashes(const fs::path& shard_stem, ContentHashSet& set) {
  const std::string bytes = read_summed(shard_stem.string() + ".hashes", read_sums(shard_stem).hashes);
  if (bytes.size() % sizeof(ContentHash) != 0)
    throw Error(ErrorCode::data, "the file of content hashes is damaged", shard_stem.string() + ".hashes",
                "delete the files of this name in data.cache_dir; they are made again");
  for (size_t at = 0; at < bytes.size(); at += sizeof(ContentHash)) {
    ContentHash hash;
    std::memcpy(&hash, bytes.data() + at, sizeof(hash));
    set.insert(hash);
  }
}

std::vector<std::string> read_labels(const fs::path& stem) {
  const auto damaged = [](const std::string& name) {
    return Error(ErrorCode::data, "the labels beside the token shard are missing or damaged", name + ".labels",
                 "delete the files of this name in data.cache_dir; they are made again");
  };
  const auto manifest = read_manifest(stem);
  if (!manifest) throw damaged(stem.string());
  std::vector<std::string> out;
  for (uint64_t i = 0; i < manifest->num_shards; ++i) {
    const std::string name = shard_stem(stem, i).string();
    if (!path_exists(name + ".labels") || !path_exists(name + ".labels.json")) throw damaged(name);
    const ShardSums sums = read_sums(name);
    const auto parsed = parse_json_or_nothing(read_summed(name + ".labels.json", sums.labels_json));
    const nlohmann::json info = parsed.value_or(nullptr);
    if (!info.is_object() || !info.contains("label") || !info["label"].is_array() || !info.contains("documents") ||
        !info["documents"].is_number_unsigned())
      throw damaged(name);
    for (const auto& value : info["label"])
      if (!value.is_string()) throw damaged(name);
    const auto values = info["label"].get<std::vector<std::string>>();
    const auto count = info["documents"].get<size_t>();
    const std::string bytes = read_summed(name + ".labels", sums.labels);
    if (count > bytes.size() || bytes.size() != 3 * count * sizeof(uint16_t)) throw damaged(name);
    std::vector<uint16_t> numbers(count);
    std::memcpy(numbers.data(), bytes.data() + 2 * count * sizeof(uint16_t), count * sizeof(uint16_t));
    for (const uint16_t number : numbers) {
      if (number >= values.size()) throw damaged(name);
      out.push_back(values[number]);
    }
  }
  return out;
}

}  // namespace espalier
