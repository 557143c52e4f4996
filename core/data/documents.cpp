#include "core/data/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/byte_reader.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "<|endoftext|>";

// Lines with their newline, checked to be UTF-8. A byte order mark at the start of the file is dropped.
class LineReader {
 public:
  explicit LineReader(const fs::path& path)
      : path_(path.string()), bytes_(open_bytes(path)), buffer_(size_t{1} << 20, '\0') {}

  bool next(std::string& line) {
    line.clear();
    for (;;) {
      if (begin_ == end_) {
        end_ = bytes_->read(buffer_);
        begin_ = 0;
        if (end_ == 0) break;
      }
      const size_t newline = std::string_view(buffer_).substr(0, end_).find('\n', begin_);
      const size_t stop = newline == std::string_view::npos ? end_ : newline + 1;
      line.append(buffer_, begin_, stop - begin_);
      begin_ = stop;
      if (newline != std::string_view::npos) break;
    }
    if (line.empty()) return false;
    if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (const size_t bad = find_invalid_utf8(line); bad != std::string::npos)
      throw Error(ErrorCode::data,
                  fmt::format("not UTF-8: byte 0x{:02X} at byte {} of the line", static_cast<unsigned char>(line[bad]),
                              bad + 1),
                  place(), "convert the file, for example with iconv -f LATIN1 -t UTF-8");
    return true;
  }
  std::string place() const { return fmt::format("{}:{}", path_, number_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::unique_ptr<ByteReader> bytes_;
  std::string buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t number_ = 0;
};

void strip_line_end(std::string& line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
}

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(const fs::path& path, std::string field) : lines_(path), field_(std::move(field)) {}

  bool next(std::string& text) override {
    while (lines_.next(line_)) {
      strip_line_end(line_);
      if (line_.find_first_not_of(" \t") == std::string::npos) continue;
      text = text_of(line_);
      if (!text.empty()) return true;
    }
    return false;
  }

 private:
  std::string text_of(const std::string& line) const {
    nlohmann::json object;
    try {
      object = nlohmann::json::parse(line);
    } catch (const nlohmann::json::parse_error& error) {
      throw Error(ErrorCode::data, "not valid JSON",
                  fmt::format("{}:{}", lines_.place(), std::max<size_t>(error.byte, 1)),
                  "each line of a .jsonl file must be one JSON object; rename plain text to .txt");
    }
    if (!object.is_object())
      throw Error(ErrorCode::data, "the line is not a JSON object", lines_.place(),
                  "write {\"text\": \"...\"} on each line");
    const auto found = object.find(field_);
    if (found == object.end()) {
      std::vector<std::string> keys;
      for (const auto& item : object.items()) keys.push_back(item.key());
      const std::string near = did_you_mean(field_, keys);
      throw Error(ErrorCode::data, fmt::format("no field \"{}\"", field_), lines_.place(),
                  fmt::format("set text_field of the source; the line has: {}{}", fmt::join(keys, ", "),
                              near.empty() ? "" : "; " + near));
    }
    if (!found->is_string())
      throw Error(ErrorCode::data, fmt::format("field \"{}\" is {}, not text", field_, found->type_name()),
                  lines_.place(), "set text_field of the source to a field that holds a string");
    return std::move(found->get_ref<std::string&>());
  }

  LineReader lines_;
  std::string field_, line_;
};

class PlainTextReader : public DocumentReader {
 public:
  explicit PlainTextReader(const fs::path& path) : lines_(path) {}

  bool next(std::string& text) override {
    text.clear();
    while (lines_.next(line_)) {
      if (line_.starts_with(kSeparator)) {
        std::string stripped = line_;
        strip_line_end(stripped);
        if (stripped == kSeparator) {
          if (!text.empty()) return true;
          continue;
        }
      }
      text += line_;
    }
    return !text.empty();
  }

 private:
  LineReader lines_;
  std::string line_;
};

bool is_json_lines(fs::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  const auto suffix = path.extension();
  return suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".json";
}

}  // namespace

std::unique_ptr<DocumentReader> open_documents(const fs::path& path, const std::string& text_field) {
  if (is_json_lines(path)) return std::make_unique<JsonLinesReader>(path, text_field);
  return std::make_unique<PlainTextReader>(path);
}

std::vector<fs::path> list_files(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status))
    throw Error(ErrorCode::data, "no such file or folder", path.string(),
                "check the path of the source; relative paths start at the working directory");
  if (!fs::is_directory(status)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && entry.path().extension() != ".idx")
      files.push_back(entry.path());
  }
  if (files.empty()) throw Error(ErrorCode::data, "the folder holds no files", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace espalier
