#include "core/data/text/byte_reader.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/open_file.h"

namespace espalier {
namespace {

constexpr size_t kChunk = size_t{1} << 16;
constexpr const char* kPathHint = "relative paths start at the working directory";

class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& path) : path_(path.string()), file_(open(path)) {}
  ~RawFile() { std::fclose(file_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  size_t read(std::span<char> out) {
    size_t n = std::fread(out.data(), 1, out.size(), file_);
    while (n < out.size() && std::ferror(file_) != 0 && errno == EINTR) {  // interrupted by a signal: go on
      std::clearerr(file_);
      n += std::fread(out.data() + n, 1, out.size() - n, file_);
    }
    position_ += n;
    if (n < out.size() && std::ferror(file_) != 0)
      throw Error(ErrorCode::data, std::string("cannot read: ") + std::strerror(errno), path_);
    return n;
  }
  void rewind() {
    std::rewind(file_);
    position_ = 0;
  }
  uint64_t position() const { return position_; }
  const std::string& path() const { return path_; }

 private:
  static std::FILE* open(const std::filesystem::path& path) {
    if (!path_exists(path)) throw Error(ErrorCode::data, "no such file", path.string(), kPathHint);
    const int fd = open_regular(path, ErrorCode::data);
    std::FILE* const file = ::fdopen(fd, "rb");
    if (file == nullptr)
      throw Error(ErrorCode::data, std::string("cannot open: ") + std::strerror(errno), path.string());
    return file;
  }

  std::string path_;
  std::FILE* file_;
  uint64_t position_ = 0;
};

class PlainReader : public ByteReader {
 public:
  explicit PlainReader(std::unique_ptr<RawFile> file) : file_(std::move(file)) {}
  size_t read(std::span<char> out) override { return file_->read(out); }
  uint64_t bytes_read() const override { return file_->position(); }

 private:
  std::unique_ptr<RawFile> file_;
};

[[noreturn]] void damaged(const char* format, const std::string& what, const std::string& path, uint64_t byte) {
  throw Error(ErrorCode::data, fmt::format("{} stream {} at byte {} of the file", format, what, byte), path,
              "copy or compress the file again");
}

class GzipReader : public ByteReader {
 public:
  explicit GzipReader(std::unique_ptr<RawFile> file) : file_(std::move(file)), input_(kChunk) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw Error(ErrorCode::internal, "zlib did not start");
  }
  ~GzipReader() override { inflateEnd(&stream_); }

  size_t read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0) {
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(file_->read(input_));
        if (stream_.avail_in == 0) {
          if (!between_members_) damaged("gzip", "is truncated", file_->path(), bytes_read());
          break;
        }
      }
      if (between_members_) {
        // Tapes and block devices fill up with zeros.
        for (; stream_.avail_in > 0 && *stream_.next_in == 0; ++stream_.next_in, --stream_.avail_in) padded_ = true;
        if (stream_.avail_in == 0) continue;
        if (padded_ || *stream_.next_in != kFirstByte)
          damaged("gzip", "ends, but other bytes follow", file_->path(), bytes_read() - stream_.avail_in);
        inflateReset(&stream_);
        between_members_ = false;
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;  // a gzip file may hold several members, one after the other
      } else if (status != Z_OK) {
        damaged("gzip", fmt::format("is damaged ({})", stream_.msg != nullptr ? stream_.msg : "bad data"),
                file_->path(), bytes_read() - stream_.avail_in);
      }
    }
    return out.size() - stream_.avail_out;
  }
  uint64_t bytes_read() const override { return file_->position(); }

 private:
  std::unique_ptr<RawFile> file_;
  std::vector<char> input_;
  z_stream stream_{};
  static constexpr Bytef kFirstByte = 0x1F;  // of every member
  bool between_members_ = false, padded_ = false;
};

class ZstdReader : public ByteReader {
 public:
  explicit ZstdReader(std::unique_ptr<RawFile> file)
      : file_(std::move(file)), input_(kChunk), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    // Files packed with `zstd --long=31` need a window of 2 GiB, others get what they ask for.
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 31);
  }

  size_t read(std::span<char> out) override {
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos < target.size) {
      if (source_.pos == source_.size && !flushing_) {
        source_ = {input_.data(), file_->read(input_), 0};
        if (source_.size == 0) {
          if (frame_open_) damaged("zstd", "is truncated", file_->path(), bytes_read());
          break;
        }
      }
      if (frame_done_ && skip_padding()) continue;
      const size_t status = ZSTD_decompressStream(context_.get(), &target, &source_);
      if (ZSTD_isError(status) != 0)
        damaged("zstd", fmt::format("is damaged ({})", ZSTD_getErrorName(status)), file_->path(),
                bytes_read() - (source_.size - source_.pos));
      frame_open_ = status != 0;
      frame_done_ = !frame_open_;
      // A full target may hide output that is still inside the decoder.
      flushing_ = frame_open_ && target.pos == target.size;
    }
    return target.pos;
  }
  uint64_t bytes_read() const override { return file_->position(); }

 private:
  // Zeros after the last frame; true when nothing else is left of the input at hand.
  bool skip_padding() {
    for (; source_.pos < source_.size && input_[source_.pos] == 0; ++source_.pos) padded_ = true;
    if (source_.pos == source_.size) return true;
    if (padded_)
      damaged("zstd", "ends, but other bytes follow", file_->path(), bytes_read() - (source_.size - source_.pos));
    return false;
  }

  std::unique_ptr<RawFile> file_;
  std::vector<char> input_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  ZSTD_inBuffer source_{};
  bool frame_open_ = false, frame_done_ = false, flushing_ = false, padded_ = false;
};

}  // namespace

std::unique_ptr<ByteReader> open_bytes(const std::filesystem::path& path) {
  auto file = std::make_unique<RawFile>(path);
  std::array<char, 4> magic{};
  const size_t n = file->read(magic);
  if (n == 0) throw Error(ErrorCode::data, "the file is empty", path.string(), "remove it from the source or fill it");
  file->rewind();
  if (n >= 2 && std::memcmp(magic.data(), "\x1f\x8b", 2) == 0) return std::make_unique<GzipReader>(std::move(file));
  // A zstd file may also begin with a skippable frame, as those of pzstd do.
  const bool skippable = (magic[0] & 0xF0) == 0x50 && std::memcmp(magic.data() + 1, "\x2a\x4d\x18", 3) == 0;
  if (n == 4 && (skippable || std::memcmp(magic.data(), "\x28\xb5\x2f\xfd", 4) == 0))
    return std::make_unique<ZstdReader>(std::move(file));
  return std::make_unique<PlainReader>(std::move(file));
}

}  // namespace espalier
