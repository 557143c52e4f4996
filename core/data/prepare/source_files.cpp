#include "core/data/prepare/source_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/data/shards/shard_manifest.h"

namespace espalier {
namespace {

using Identity = std::pair<dev_t, ino_t>;

Identity identity_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino};
}

class FolderWalk {
 public:
  explicit FolderWalk(bool skip_unusable) : skip_unusable_(skip_unusable) {}

  std::vector<fs::path> files(const fs::path& folder) {
    enter(folder);
    std::sort(files_.begin(), files_.end());
    warn_of_copies();
    return std::move(files_);
  }

 private:
  void enter(const fs::path& folder) {
    const auto [known, added] = folders_.emplace(identity_of(folder), folder);
    if (!added)
      return log_warning("left out {}: is the folder {}, which is read already", folder.string(),
                         known->second.string());
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      entries.push_back(it->path());
    if (error)
      return unusable(folder, fmt::format("cannot read the folder: {}", error.message()),
                      "make it readable, or remove it from the source");
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries) visit(entry);
  }

  void visit(const fs::path& entry) {
    if (entry.filename().string().starts_with('.')) return;
    std::error_code error;
    const auto status = fs::status(entry, error);
    if (fs::is_directory(status)) return enter(entry);
    if (fs::is_regular_file(status)) {
      if (entry.extension() != ".idx") return files_.push_back(entry);
      if (!fs::exists(fs::path(entry).replace_extension(".bin"), error))
        log_warning("left out {}: there is no .bin file beside this index", entry.string());
      return;
    }
    if (!fs::exists(status)) return unusable(entry, "is a link to nothing", "repair or remove the link");
    unusable(entry, "is not a file but a pipe, socket or device", "remove it from the folder");
  }

  void unusable(const fs::path& path, const std::string& what, const std::string& hint) const {
    if (!skip_unusable_) throw Error(ErrorCode::data, what, path.string(), hint);
    log_warning("left out {}: {}", path.string(), what);
  }

  void warn_of_copies() const {
    std::map<Identity, const fs::path*> seen;
    size_t copies = 0;
    const fs::path *first = nullptr, *second = nullptr;
    for (const auto& file : files_) {
      const auto [known, added] = seen.emplace(identity_of(file), &file);
      if (added) continue;
      if (++copies == 1) std::tie(first, second) = std::pair(known->second, &file);
    }
    if (copies > 0)
      log_warning("{} and {} are one file, read twice{}", first->string(), second->string(),
                  copies == 1 ? "" : fmt::format("; {} more of this kind", copies - 1));
  }

  bool skip_unusable_;
  std::map<Identity, fs::path> folders_;
  std::vector<fs::path> files_;
};

// What of a source's files is said once, with the first of them and how many there are.
class Notes {
 public:
  void add(const std::string& what, const fs::path& path) {
    auto& [first, count] = notes_[what];
    if (count++ == 0) first = path.string();
  }
  ~Notes() {
    for (const auto& [what, note] : notes_) {
      const auto& [first, count] = note;
      log_info("{} {}{}", first, what, count == 1 ? "" : fmt::format("; {} more of this kind", count - 1));
    }
  }

 private:
  std::map<std::string, std::pair<std::string, size_t>> notes_;
};

bool is_trained_here(const std::string& tokenizer) {
  return tokenizer == "sentencepiece" || tokenizer == "bpe";
}

// Ids mean something else under another tokenizer; shards that were made here say which it was.
void check_tokenizer(const fs::path& path, const PrepareConfig& config, const Tokenizer* tokenizer) {
  if (is_trained_here(config.tokenizer))
    throw Error(ErrorCode::config,
                "holds token ids; there is no text to train a tokenizer on, and ids of another one mean "
                "something else",
                path.string(), "set data.tokenizer to the path of the tokenizer that made the ids");
  if (tokenizer == nullptr) return;
  const auto manifest = read_manifest(fs::path(path).replace_extension());
  if (manifest && !manifest->tokenizer.empty() && manifest->tokenizer != tokenizer->fingerprint())
    throw Error(ErrorCode::data, "was made with another tokenizer", path.string(),
                "set data.tokenizer to the path of the tokenizer that made the shard");
}

}  // namespace

std::vector<fs::path> list_files(const fs::path& path, bool skip_unusable) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status))
    throw Error(ErrorCode::data,
                fs::is_symlink(fs::symlink_status(path, error)) ? "is a link to nothing" : "no such file or folder",
                path.string(), "check the path of the source; relative paths start at the working directory");
  if (!fs::is_directory(status)) return {path};
  auto files = FolderWalk(skip_unusable).files(path);
  if (files.empty()) throw Error(ErrorCode::data, "the folder holds no files", path.string());
  return files;
}

std::vector<SourceFile> source_files(const PrepareConfig& config, const SourceConfig& source, Split split,
                                     const Tokenizer* tokenizer) {
  std::vector<std::string> paths = source.paths;
  if (!source.path.empty()) paths.insert(paths.begin(), source.path);
  if (split == Split::val && !source.val.empty()) paths = {source.val};
  const bool skip = config.unusable_files == "skip";
  const FormatRules rules{parse_format(source.format, "data.sources.format"), source.text_field,
                          tokenizer == nullptr ? 0 : tokenizer->vocab_size()};
  std::vector<SourceFile> files;
  Notes notes;
  for (const auto& path : paths) {
    std::error_code error;
    const bool named = !fs::is_directory(path, error);
    for (auto& file : list_files(path, skip)) {
      try {
        const FileNature nature = nature_of(file, rules);
        if (nature.empty && named)
          throw Error(ErrorCode::data, "the file is empty", file.string(), "remove it from the source or fill it");
        if (nature.empty) {
          notes.add("is empty and left out", file);
          continue;
        }
        if (is_tokens(nature.format)) check_tokenizer(file, config, tokenizer);
        if (nature.by_content) notes.add(fmt::format("is read as {}, by its content", name_of(nature.format)), file);
        if (nature.has_nul) notes.add("holds NUL characters, which are kept as text", file);
        files.push_back({std::move(file), nature.format, nature.compressed});
      } catch (const Error& problem) {
        if (named || !skip) throw;
        log_warning("left out {}: {}", file.string(), problem.message());
      }
    }
  }
  if (files.empty())
    throw Error(ErrorCode::data,
                fmt::format("source \"{}\" has no file with anything in it that can be used", source.name),
                paths.front(), "the lines above say what was left out");
  return files;
}

DocumentOptions reading_of(const PrepareConfig& config, const SourceConfig& source,
                           const std::vector<SourceFile>& files) {
  DocumentOptions options;
  options.text_field = source.text_field;
  options.language_field = source.language_field;
  options.license_field = source.license_field;
  options.label_field = source.label_field;
  options.invalid_utf8 = parse_invalid_utf8(config.invalid_utf8, "data.invalid_utf8");
  options.skip_without_text = config.missing_text == "skip";
  options.max_bytes = static_cast<uint64_t>(config.max_document_bytes);
  options.tail_fraction = source.val_fraction;
  options.only_file = files.size() == 1;
  return options;
}

std::string reading_key(const fs::path& path) {
  const std::string suffix = path.extension().string();
  const bool packed = suffix == ".gz" || suffix == ".zst";
  const std::string inner = packed ? path.stem().extension().string() : suffix;
  const bool json = inner == ".jsonl" || inner == ".ndjson" || inner == ".json";
  return packed && !json ? suffix + " text" : suffix;
}

std::string reading_key(const SourceFile& file, const DocumentOptions& reading) {
  std::string key = reading_key(file.path);
  // What a suffix has always stood for needs no word.
  const std::string inner = key.ends_with("gz") || key.ends_with("zst") ? file.path.stem().extension().string() : key;
  const bool json = inner == ".jsonl" || inner == ".ndjson" || inner == ".json", bin = key == ".bin";
  const bool known = file.format == FileFormat::json_lines ? json
                     : file.format == FileFormat::text
                         ? !json && !bin
                         : bin && file.format != FileFormat::uint32 && file.format != FileFormat::llmc_uint32;
  if (!known) key += fmt::format(" as {}", name_of(file.format));
  if (file.format == FileFormat::text && reading.tail_fraction > 0 &&
      (reading.only_file || file.compressed || fs::file_size(file.path) > kWholeDocumentBytes))
    key += " with its tail held out";
  return key;
}

}  // namespace espalier
