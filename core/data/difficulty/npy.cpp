#include "core/data/difficulty/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/file.h"

namespace espalier {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);

}  // namespace

void write_npy(const fs::path& path, std::span<const float> values) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.size());
  // The format asks for data at a multiple of 64 bytes, padded with spaces and closed by a newline.
  const size_t unpadded = kMagic.size() + sizeof(uint16_t) + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ');
  header += '\n';
  const auto size = static_cast<uint16_t>(header.size());
  std::string bytes(kMagic);
  bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_file_atomic(path, bytes, ErrorCode::data);
}

std::vector<float> read_npy(const fs::path& path) {
  const std::string bytes = read_file(path, ErrorCode::data);
  const auto refuse = [&](const std::string& what) -> Error {
    return {ErrorCode::data, what, path.string(), "delete the file; it is made again"};
  };
  uint16_t size = 0;
  if (bytes.size() < kMagic.size() + sizeof(size) || !bytes.starts_with(kMagic))
    throw refuse("not a .npy file of version 1");
  std::memcpy(&size, bytes.data() + kMagic.size(), sizeof(size));
  const size_t data = kMagic.size() + sizeof(size) + size;
  if (bytes.size() < data) throw refuse("the .npy header is truncated");
  const std::string_view header(bytes.data() + kMagic.size() + sizeof(size), size);
  if (header.find("'<f4'") == std::string_view::npos) throw refuse("not float32 values");
  const size_t shape = header.find("'shape': (");
  if (shape == std::string_view::npos) throw refuse("the .npy header has no shape");
  const std::string_view number = header.substr(shape + 10);
  size_t count = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), count).ec != std::errc())
    throw refuse("the .npy header has no shape");
  const size_t left = bytes.size() - data;
  if (left % sizeof(float) != 0 || left / sizeof(float) != count) throw refuse("the values do not fill the shape");
  std::vector<float> values(count);
  if (count > 0) std::memcpy(values.data(), bytes.data() + data, count * sizeof(float));
  return values;
}

}  // namespace espalier
