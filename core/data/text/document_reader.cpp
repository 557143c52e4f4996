#include "core/data/text/document_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/text/json_fields.h"
#include "core/data/text/line_reader.h"
#include "core/data/text/text_tail.h"
#include "core/data/text/utf8.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "<|endoftext|>";

void strip_line_end(std::string& line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
}

// Lines as they are, with damage marked: which fields it touches is seen once the line is read.
DocumentOptions with_damage(DocumentOptions options) {
  options.invalid_utf8 = InvalidUtf8::skip;
  return options;
}

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(const fs::path& path, const DocumentOptions& options)
      : lines_(path, with_damage(options)),
        policy_(options.invalid_utf8),
        skip_without_text_(options.skip_without_text) {
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
      bool repaired = false;
      if (!read_line(repaired)) {
        ++counts_.invalid;
        continue;
      }
      if (text_.value.empty()) {
        if (std::string_view(text_.type) != "string" && !skip_without_text_) fail_without_text();
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
    std::optional<JsonProblem> problem;
    if (!lines_.invalid()) problem = read_json_fields(line_, fields_);
    if (!lines_.invalid() && !(problem && problem->lone_surrogate)) {
      if (problem) fail(*problem);
      return true;
    }
    if (!read_damaged()) return true;
    if (policy_ == InvalidUtf8::skip) return false;
    if (policy_ == InvalidUtf8::error) {
      if (lines_.invalid()) throw lines_.not_utf8(line_);
      fail(*problem);
    }
    repaired = true;
    return true;
  }

  // Reads the line with U+FFFD in the place of what is damaged. Whether a field that is asked for has any of it: such a
  // field depends on what is put there.
  bool read_damaged() {
    const auto read = [&](const std::string& mark) {
      const std::string line = replace_lone_surrogates(replace_invalid_utf8(line_, mark), mark);
      std::vector<std::string> values;
      if (const auto problem = read_json_fields(line, fields_)) {
        if (policy_ == InvalidUtf8::replace || !lines_.invalid()) fail(*problem);
        return std::vector<std::string>{mark};  // the damage lies between the strings
      }
      for (const JsonField* field : fields_) values.push_back(field->value);
      return values;
    };
    const auto with_another = read("\uFFFC");
    return read("\uFFFD") != with_another;
  }

  [[noreturn]] void fail(const JsonProblem& problem) const {
    const size_t begin = std::min(line_.find_first_not_of(" \t"), line_.size());
    const bool array = line_.substr(begin, 1) == "[";
    if (problem.not_an_object || array)
      throw Error(ErrorCode::data, "the line is not a JSON object", lines_.place(),
                  array ? "write each element of the array on a line of its own, for example with jq -c '.[]'"
                        : "write {\"text\": \"...\"} on each line");
    const auto place = fmt::format("{}:{}", lines_.place(), std::max<size_t>(problem.byte, 1));
    if (problem.lone_surrogate)
      throw Error(ErrorCode::data, "not valid JSON: an escape of half a surrogate pair", place,
                  "write the file again, or set data.invalid_utf8 to \"replace\" or \"skip\"");
    const bool goes_on = lines_.number() == 1 && problem.byte >= line_.size() && line_[begin] == '{';
    throw Error(ErrorCode::data, "not valid JSON", place,
                goes_on ? "if an object goes over several lines, write each on one, for example with jq -c ."
                        : "each line must be one JSON object; for plain text set format of the source to \"text\"");
  }

  [[noreturn]] void fail_without_text() {
    const std::string skip = "; to leave such lines out set data.missing_text to \"skip\"";
    if (*text_.type != '\0')
      throw Error(ErrorCode::data, fmt::format("field \"{}\" is {}, not text", text_.name, text_.type), lines_.place(),
                  "set text_field of the source to a field that holds a string" + skip);
    std::vector<std::string> keys;
    read_json_fields(line_, {}, &keys);
    const std::string near = did_you_mean(text_.name, keys);
    throw Error(ErrorCode::data, fmt::format("no field \"{}\"", text_.name), lines_.place(),
                fmt::format("set text_field of the source; the line has: {}{}{}", fmt::join(keys, ", "),
                            near.empty() ? "" : "; " + near, skip));
  }

  LineReader lines_;
  InvalidUtf8 policy_;
  bool skip_without_text_;
  JsonField text_, language_, license_, label_;
  std::vector<JsonField*> fields_;
  std::string line_;
};

class PlainTextReader : public DocumentReader {
 public:
  PlainTextReader(const fs::path& path, const DocumentOptions& options)
      : lines_(path, options),
        policy_(options.invalid_utf8),
        max_bytes_(options.max_bytes),
        tail_fraction_(options.tail_fraction),
        only_file_(options.only_file) {}

  bool next(std::string& text) override {
    if (!tail_.empty()) {
      text = std::move(tail_);
      tail_.clear();
      hold_out_ = HoldOut::always;
      return true;
    }
    hold_out_ = HoldOut::by_content;
    if (!read(text)) return false;
    ++documents_;
    if (tail_fraction_ > 0) split_tail(text);
    return true;
  }
  uint64_t line() const override { return end_; }
  uint64_t bytes_read() const override { return lines_.bytes_read(); }
  void skip_to(uint64_t line) override {
    lines_.skip_to(line);
    documents_ += line > 0 ? 1 : 0;
    end_ = line;
  }

 private:
  // The text between two separators, or a separator and an end of the file; what is empty is passed over. The line
  // after a separator is read before the document is given, so that it is known whether it was the only one.
  bool read(std::string& text) {
    text.clear();
    bool invalid = false, ended = false;
    while (first_.has_value() || lines_.next(line_)) {
      if (first_.has_value()) {
        line_ = std::move(first_->text);
        invalid = first_->invalid;
        first_.reset();
      } else if (is_separator()) {
        if (!ended) end_ = lines_.number();
        ended = complete(text, invalid);
        continue;
      } else if (ended) {
        first_ = Line{line_, lines_.invalid()};
        return true;
      } else {
        invalid = invalid || lines_.invalid();
      }
      if (text.size() + line_.size() > max_bytes_)
        throw Error(ErrorCode::data, fmt::format("the document has more than {} bytes", max_bytes_), lines_.place(),
                    fmt::format("cut the text into documents with lines that hold only {}, or raise "
                                "data.max_document_bytes",
                                kSeparator));
      if (!(invalid && policy_ == InvalidUtf8::skip)) text += line_;
    }
    at_end_ = true;
    if (ended) return true;
    end_ = lines_.number();
    return complete(text, invalid);
  }

  // Whether there is a document; else `text` is empty.
  bool complete(std::string& text, bool& invalid) {
    if (invalid && policy_ == InvalidUtf8::skip) {
      ++counts_.invalid;
      text.clear();
    } else if (invalid && !text.empty()) {
      ++counts_.repaired;
    }
    invalid = false;
    return !text.empty();
  }

  void split_tail(std::string& text) {
    const bool only = only_file_ && documents_ == 1 && at_end_;
    if (!only && text.size() <= kWholeDocumentBytes) return;
    const size_t begin = tail_begin(text, tail_fraction_);
    if (begin == 0) return;
    tail_ = text.substr(begin);
    text.resize(begin);
    hold_out_ = HoldOut::never;
  }

  bool is_separator() const {
    if (!line_.starts_with(kSeparator)) return false;
    std::string stripped = line_;
    strip_line_end(stripped);
    return stripped == kSeparator;
  }

  struct Line {
    std::string text;
    bool invalid;
  };

  LineReader lines_;
  InvalidUtf8 policy_;
  uint64_t max_bytes_;
  double tail_fraction_;
  bool only_file_, at_end_ = false;
  uint64_t documents_ = 0, end_ = 0;
  std::string line_, tail_;
  std::optional<Line> first_;  // of the next document
};

}  // namespace

std::unique_ptr<DocumentReader> open_documents(const fs::path& path, const DocumentOptions& options) {
  FileFormat format = options.format;
  if (format == FileFormat::automatic) {
    FormatRules rules;
    rules.text_field = options.text_field;
    format = nature_of(path, rules).format;
  }
  if (format == FileFormat::json_lines) return std::make_unique<JsonLinesReader>(path, options);
  return std::make_unique<PlainTextReader>(path, options);
}

std::unique_ptr<DocumentReader> open_documents(const fs::path& path, const std::string& text_field) {
  DocumentOptions options;
  options.text_field = text_field;
  return open_documents(path, options);
}

}  // namespace espalier
