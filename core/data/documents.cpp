#include "core/data/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/json_fields.h"
#include "core/data/line_reader.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "<|endoftext|>";

void strip_line_end(std::string& line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
}

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(const fs::path& path, const DocumentOptions& options)
      : lines_(path, options), policy_(options.invalid_utf8) {
    text_.name = options.text_field;
    language_.name = options.language_field;
    license_.name = options.license_field;
    label_.name = options.label_field;
    for (JsonField* field : {&text_, &language_, &license_, &label_})
      if (!field->name.empty()) fields_.push_back(field);
  }

  bool next(std::string& text) override {
    while (lines_.next(line_)) {
      strip_line_end(line_);
      if (line_.find_first_not_of(" \t") == std::string::npos) continue;
      bool repaired = lines_.invalid();
      if (repaired && policy_ == InvalidUtf8::skip) {
        ++counts_.invalid;
        continue;
      }
      if (!read_line(repaired)) {
        ++counts_.invalid;
        continue;
      }
      if (text_.value.empty()) {
        ++counts_.empty;
        continue;
      }
      counts_.repaired += repaired ? 1 : 0;
      text = std::move(text_.value);
      labels_.language = std::move(language_.value);
      labels_.license = std::move(license_.value);
      labels_.label = std::move(label_.value);
      return true;
    }
    return false;
  }
  uint64_t line() const override { return lines_.number(); }
  uint64_t bytes_read() const override { return lines_.bytes_read(); }
  void skip_to(uint64_t line) override { lines_.skip_to(line); }

 private:
  // False when the document is to be skipped.
  bool read_line(bool& repaired) {
    auto problem = read_json_fields(line_, fields_);
    if (problem && problem->lone_surrogate && policy_ != InvalidUtf8::error) {
      if (policy_ == InvalidUtf8::skip) return false;
      repaired = true;
      line_ = replace_lone_surrogates(line_);
      problem = read_json_fields(line_, fields_);
    }
    if (problem) fail(*problem);
    if (*text_.type == '\0') fail_without_text();
    if (std::string_view(text_.type) != "string")
      throw Error(ErrorCode::data, fmt::format("field \"{}\" is {}, not text", text_.name, text_.type), lines_.place(),
                  "set text_field of the source to a field that holds a string");
    return true;
  }

  [[noreturn]] void fail(const JsonProblem& problem) const {
    if (problem.not_an_object)
      throw Error(ErrorCode::data, "the line is not a JSON object", lines_.place(),
                  "write {\"text\": \"...\"} on each line");
    const auto place = fmt::format("{}:{}", lines_.place(), std::max<size_t>(problem.byte, 1));
    if (problem.lone_surrogate)
      throw Error(ErrorCode::data, "not valid JSON: an escape of half a surrogate pair", place,
                  "write the file again, or set data.invalid_utf8 to \"replace\" or \"skip\"");
    throw Error(ErrorCode::data, "not valid JSON", place,
                "each line of a .jsonl file must be one JSON object; rename plain text to .txt");
  }

  [[noreturn]] void fail_without_text() {
    std::vector<std::string> keys;
    read_json_fields(line_, {}, &keys);
    const std::string near = did_you_mean(text_.name, keys);
    throw Error(ErrorCode::data, fmt::format("no field \"{}\"", text_.name), lines_.place(),
                fmt::format("set text_field of the source; the line has: {}{}", fmt::join(keys, ", "),
                            near.empty() ? "" : "; " + near));
  }

  LineReader lines_;
  InvalidUtf8 policy_;
  JsonField text_, language_, license_, label_;
  std::vector<JsonField*> fields_;
  std::string line_;
};

class PlainTextReader : public DocumentReader {
 public:
  PlainTextReader(const fs::path& path, const DocumentOptions& options)
      : lines_(path, options), policy_(options.invalid_utf8), max_bytes_(options.max_bytes) {}

  bool next(std::string& text) override {
    text.clear();
    bool invalid = false;
    // Between two separators, or a separator and an end of the file, there is a document or nothing.
    const auto complete = [&] {
      const bool skipped = invalid && policy_ == InvalidUtf8::skip;
      if (skipped) {
        ++counts_.invalid;
        text.clear();
      } else if (invalid && !text.empty()) {
        ++counts_.repaired;
      }
      invalid = false;
      return !text.empty();
    };
    while (lines_.next(line_)) {
      if (is_separator()) {
        if (complete()) return true;
        continue;
      }
      invalid = invalid || lines_.invalid();
      if (text.size() + line_.size() > max_bytes_)
        throw Error(ErrorCode::data, fmt::format("the document has more than {} bytes", max_bytes_), lines_.place(),
                    fmt::format("cut the text into documents with lines that hold only {}, or raise "
                                "data.max_document_bytes",
                                kSeparator));
      if (!(invalid && policy_ == InvalidUtf8::skip)) text += line_;
    }
    return complete();
  }
  uint64_t line() const override { return lines_.number(); }
  uint64_t bytes_read() const override { return lines_.bytes_read(); }
  void skip_to(uint64_t line) override { lines_.skip_to(line); }

 private:
  bool is_separator() const {
    if (!line_.starts_with(kSeparator)) return false;
    std::string stripped = line_;
    strip_line_end(stripped);
    return stripped == kSeparator;
  }

  LineReader lines_;
  InvalidUtf8 policy_;
  uint64_t max_bytes_;
  std::string line_;
};

bool is_json_lines(fs::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  const auto suffix = path.extension();
  return suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".json";
}

}  // namespace

std::unique_ptr<DocumentReader> open_documents(const fs::path& path, const DocumentOptions& options) {
  if (is_json_lines(path)) return std::make_unique<JsonLinesReader>(path, options);
  return std::make_unique<PlainTextReader>(path, options);
}

std::unique_ptr<DocumentReader> open_documents(const fs::path& path, const std::string& text_field) {
  DocumentOptions options;
  options.text_field = text_field;
  return open_documents(path, options);
}

std::string reading_key(const fs::path& path) {
  const std::string suffix = path.extension().string();
  return (suffix == ".gz" || suffix == ".zst") && !is_json_lines(path) ? suffix + " text" : suffix;
}

std::vector<fs::path> list_files(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status))
    throw Error(ErrorCode::data, "no such file or folder", path.string(),
                "check the path of the source; relative paths start at the working directory");
  if (!fs::is_directory(status)) return {path};
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(path), end; it != end; ++it) {
    if (it->path().filename().string().starts_with('.')) {
      if (it->is_directory()) it.disable_recursion_pending();
    } else if (it->is_regular_file() && it->path().extension() != ".idx") {
      files.push_back(it->path());
    }
  }
  if (files.empty()) throw Error(ErrorCode::data, "the folder holds no files", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace espalier
