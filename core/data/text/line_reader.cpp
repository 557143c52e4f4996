#include "core/data/text/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/text/utf8.h"

namespace espalier {

LineReader::LineReader(const std::filesystem::path& path, const DocumentOptions& options)
    : path_(path.string()),
      policy_(options.invalid_utf8),
      max_bytes_(options.max_bytes),
      bytes_(open_bytes(path)),
      buffer_(size_t{1} << 20, '\0') {}

bool LineReader::fill() {
  end_ = bytes_->read(buffer_);
  begin_ = 0;
  return end_ > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  invalid_ = false;
  for (;;) {
    if (begin_ == end_ && !fill()) break;
    const size_t newline = std::string_view(buffer_).substr(0, end_).find('\n', begin_);
    const size_t stop = newline == std::string_view::npos ? end_ : newline + 1;
    if (line.size() + (stop - begin_) > max_bytes_)
      throw Error(ErrorCode::data, fmt::format("the line has more than {} bytes", max_bytes_),
                  fmt::format("{}:{}", path_, number_ + 1), "split the text or raise data.max_document_bytes");
    line.append(buffer_, begin_, stop - begin_);
    begin_ = stop;
    if (newline != std::string_view::npos) break;
  }
  if (line.empty()) return false;
  if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  if (find_invalid_utf8(line) == std::string::npos) return true;
  invalid_ = true;
  if (policy_ == InvalidUtf8::error) throw not_utf8(line);
  if (policy_ == InvalidUtf8::replace) line = replace_invalid_utf8(line);
  return true;
}

Error LineReader::not_utf8(const std::string& line) const {
  const size_t bad = std::min(find_invalid_utf8(line), line.size() - 1);
  const auto byte = static_cast<unsigned char>(line[bad]);
  // Windows has letters and quotes where Latin-1 has control characters.
  const char* encoding = byte >= 0x80 && byte < 0xA0 ? "WINDOWS-1252" : "LATIN1";
  return {
      ErrorCode::data, fmt::format("not UTF-8: byte 0x{:02X} at byte {} of the line", byte, bad + 1), place(),
      fmt::format("convert the file, for example with iconv -f {} -t UTF-8, or set data.invalid_utf8 to \"replace\" "
                  "or \"skip\"",
                  encoding)};
}

void LineReader::skip_to(uint64_t line) {
  while (number_ < line) {
    if (begin_ == end_ && !fill()) return;
    const size_t newline = std::string_view(buffer_).substr(0, end_).find('\n', begin_);
    begin_ = newline == std::string_view::npos ? end_ : newline + 1;
    if (newline != std::string_view::npos) ++number_;
  }
}

std::string LineReader::place() const {
  return fmt::format("{}:{}", path_, number_);
}

}  // namespace espalier
