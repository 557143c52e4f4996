// Generated documents to a file of JSON lines, on several threads, plain or compressed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace espalier::generate {

struct OutputLimits {
  uint64_t documents = 0;  // 0: no limit
  uint64_t bytes = 0;      // of uncompressed JSON lines; 0: no limit. The first document that reaches it is the last.
};

struct OutputTotals {
  uint64_t documents = 0, bytes = 0, file_bytes = 0;  // bytes: uncompressed
};

// Appends document `number` as one JSON line with its newline. Called on several threads at once.
using WriteLine = std::function<void(uint64_t number, std::string& out)>;

// Writes documents 0, 1, 2, .. until a limit is reached (one must be set). The name's end decides: ".gz" gzip, ".zst"
// zstd, else plain. The file appears whole or not at all; its bytes do not depend on `threads`. Compressed files
// consist of independent gzip members or zstd frames. Throws Error(data) when it cannot be written, Error(config)
// without a limit.
OutputTotals write_json_lines(const std::filesystem::path& path, const OutputLimits& limits, int threads,
                              const WriteLine& line);

// Appends `text` as a JSON string with its quotes. ASCII without control characters other than newline, as generated.
void append_json_string(std::string& out, std::string_view text);

}  // namespace espalier::generate
