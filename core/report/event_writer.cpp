#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "core/base/file.h"
#include "core/report/metrics.h"

namespace espalier {
namespace {

// The three wire types of protocol buffers that an Event needs.
void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
template <class T>
void put_fixed(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}
void put_tag(std::string& out, uint64_t field, uint64_t wire_type) {
  put_varint(out, field << 3 | wire_type);
}
void put_bytes(std::string& out, uint64_t field, const std::string& bytes) {
  put_tag(out, field, 2);
  put_varint(out, bytes.size());
  out += bytes;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_head(int64_t step) {
  std::string event;
  put_tag(event, 1, 1);  // double wall_time = 1
  put_fixed(event, wall_time());
  put_tag(event, 2, 0);  // int64 step = 2
  put_varint(event, static_cast<uint64_t>(step));
  return event;
}

uint32_t masked_crc(const std::string& bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

}  // namespace

uint32_t crc32c(const std::string& bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> out{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78U : 0);
      out[i] = crc;
    }
    return out;
  }();
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

EventWriter::EventWriter(const fs::path& dir) {
  make_dirs(dir, ErrorCode::config);
  char host[256] = "localhost";
  ::gethostname(host, sizeof(host) - 1);
  path_ = dir / ("events.out.tfevents." + std::to_string(static_cast<int64_t>(wall_time())) + "." + host + "." +
                 std::to_string(::getpid()));
  file_.open(path_, std::ios::binary);
  if (!file_) throw Error(ErrorCode::config, "cannot be opened for writing", path_.string());
  std::string event = event_head(0);
  put_bytes(event, 3, "brain.Event:2");  // string file_version = 3
  record(event);
}

void EventWriter::write(const MetricsRow& row) {
  std::string summary;
  for (const auto& [name, value] : row.values) {
    std::string item;
    put_bytes(item, 1, name);  // string tag = 1
    put_tag(item, 2, 5);       // float simple_value = 2
    put_fixed(item, static_cast<float>(value));
    put_bytes(summary, 1, item);  // repeated Value value = 1
  }
  std::string event = event_head(row.step);
  put_bytes(event, 5, summary);  // Summary summary = 5
  record(event);
}

void EventWriter::record(const std::string& event) {
  std::string length, frame;
  put_fixed(length, uint64_t{event.size()});
  frame += length;
  put_fixed(frame, masked_crc(length));
  frame += event;
  put_fixed(frame, masked_crc(event));
  file_.write(frame.data(), static_cast<std::streamsize>(frame.size()));
  file_.flush();
  if (!file_) throw Error(ErrorCode::checkpoint, "cannot be written (is the disk full?)", path_.string());
}

}  // namespace espalier
