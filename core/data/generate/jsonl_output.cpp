#include "core/data/generate/jsonl_output.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/file.h"

namespace espalier::generate {
namespace {

constexpr uint64_t kBlockDocuments = 1024;

// A file that gets its name when it is whole. Removed when it is left unfinished.
class AtomicFile {
 public:
  // Hidden: a folder that is a source of data leaves such files out.
  explicit AtomicFile(const fs::path& path)
      : path_(path), temporary_(path.parent_path() / ("." + path.filename().string() + ".tmp")) {
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("cannot create");
  }
  ~AtomicFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot write");
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void finish() {
    if (::fsync(fd_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot finish");
    ::close(fd_);
    fd_ = -1;
    fsync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."), ErrorCode::data);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::data, what + ": " + std::strerror(errno), path_.string(),
                "choose a writable folder with enough space; no half-written file is left");
  }

  fs::path path_, temporary_;
  int fd_ = -1;
};

enum class Compression { none, gzip, zstd };

std::string compress(std::string_view bytes, Compression kind) {
  std::string out;
  if (kind == Compression::zstd) {
    out.resize(ZSTD_compressBound(bytes.size()));
    const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
    if (ZSTD_isError(size) != 0) throw Error(ErrorCode::internal, std::string("zstd: ") + ZSTD_getErrorName(size));
    out.resize(size);
    return out;
  }
  z_stream stream{};
  constexpr int kGzip = 15 + 16;  // window bits, plus 16 for gzip's header instead of zlib's
  if (deflateInit2(&stream, 4, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorCode::internal, "zlib: cannot start");
  out.resize(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  std::string copy(bytes);  // zlib's input pointer is not const
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw Error(ErrorCode::internal, "zlib: unfinished block");
  return out;
}

struct Block {
  std::string text;
  std::vector<size_t> ends;  // of the lines
  std::string packed;
};

// Runs action(0) .. action(count - 1), each on a thread of its own; rethrows the first error.
void in_parallel(size_t count, const std::function<void(size_t)>& action) {
  std::vector<std::exception_ptr> errors(count);
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      try {
        action(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  threads.clear();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace

OutputTotals write_json_lines(const fs::path& path, const OutputLimits& limits, int threads, const WriteLine& line) {
  if (limits.documents == 0 && limits.bytes == 0)
    throw Error(ErrorCode::config, "how much to generate is not said", path.string(), "give --documents or --bytes");
  const Compression kind = path.extension() == ".gz"    ? Compression::gzip
                           : path.extension() == ".zst" ? Compression::zstd
                                                        : Compression::none;
  AtomicFile file(path);
  OutputTotals totals;
  std::vector<Block> blocks(static_cast<size_t>(std::max(threads, 1)));
  for (bool done = false; !done;) {
    in_parallel(blocks.size(), [&](size_t i) {
      Block& block = blocks[i];
      block.text.clear();
      block.ends.clear();
      const uint64_t first = totals.documents + i * kBlockDocuments;
      for (uint64_t number = first; number < first + kBlockDocuments; ++number) {
        if (limits.documents != 0 && number >= limits.documents) break;
        if (limits.bytes != 0 && block.text.size() >= limits.bytes) break;  // a small limit needs no whole block
        line(number, block.text);
        block.ends.push_back(block.text.size());
      }
    });
    // Where the limits cut is decided in the order of the documents, hence for any number of threads alike.
    for (Block& block : blocks) {
      size_t kept = 0, size = 0;
      for (; kept < block.ends.size() && !done; ++kept) {
        size = block.ends[kept];
        done = limits.bytes != 0 && totals.bytes + size >= limits.bytes;
      }
      block.text.resize(size);
      totals.documents += kept;
      totals.bytes += size;
      if (limits.documents != 0 && totals.documents >= limits.documents) done = true;
    }
    if (kind != Compression::none)
      in_parallel(blocks.size(), [&](size_t i) {
        blocks[i].packed = blocks[i].text.empty() ? std::string() : compress(blocks[i].text, kind);
      });
    for (const Block& block : blocks) {
      const std::string& bytes = kind == Compression::none ? block.text : block.packed;
      file.write(bytes);
      totals.file_bytes += bytes.size();
    }
  }
  file.finish();
  return totals;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && c != '\n') continue;
    out += text.substr(from, i - from);
    out += '\\';
    out += c == '\n' ? 'n' : c;
    from = i + 1;
  }
  out += text.substr(from);
  out += '"';
}

}  // namespace espalier::generate
