// Reads TensorBoard's event files, written from the format's description alone: TFRecord framing
// (tensorflow.org/tutorials/load_data/tfrecord), CRC-32C bit by bit (RFC 3720, appendix B.4), protocol buffers' wire
// format, and the fields of tensorflow/core/util/event.proto.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

inline uint32_t plain_crc32c(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
  }
  return crc ^ 0xFFFFFFFF;
}

inline uint32_t plain_masked_crc32c(std::string_view bytes) {
  const uint32_t crc = plain_crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

// Bytes taken from the front; what is missing is an error.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  std::string_view take(uint64_t count) {
    if (count > left_.size()) throw std::runtime_error("the bytes end too early");
    const std::string_view out = left_.substr(0, count);
    left_.remove_prefix(count);
    return out;
  }
  template <class T>
  T fixed() {  // little-endian, as this machine is
    T out;
    std::memcpy(&out, take(sizeof(T)).data(), sizeof(T));
    return out;
  }
  uint64_t varint() {
    uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return out;
    }
    throw std::runtime_error("a varint does not end");
  }

 private:
  std::string_view left_;
};

struct ReadEvent {
  double wall_time = 0;                 // 1
  int64_t step = 0;                     // 2
  std::string file_version;             // 3
  std::map<std::string, float> values;  // 5: Summary { repeated Value { tag = 1, simple_value = 2 } = 1 }
};

// Calls field(number, wire type, cursor) for each field, which must take its value.
template <class Field>
void read_message(std::string_view bytes, Field&& field) {
  for (ByteCursor at(bytes); !at.empty();) {
    const uint64_t key = at.varint();
    field(static_cast<int>(key >> 3), static_cast<int>(key & 7), at);
  }
}

inline ReadEvent read_event(std::string_view bytes) {
  ReadEvent out;
  const auto expect = [](bool holds) {
    if (!holds) throw std::runtime_error("a field that an event of scalars does not have");
  };
  const auto read_value = [&](std::string_view value) {
    std::string tag;
    float number = 0;
    read_message(value, [&](int field, int wire, ByteCursor& at) {
      expect((field == 1 && wire == 2) || (field == 2 && wire == 5));
      if (field == 1) tag = at.take(at.varint());
      if (field == 2) number = at.fixed<float>();
    });
    expect(out.values.emplace(tag, number).second);
  };
  read_message(bytes, [&](int field, int wire, ByteCursor& at) {
    expect((field == 1 && wire == 1) || (field == 2 && wire == 0) || (field == 3 && wire == 2) ||
           (field == 5 && wire == 2));
    if (field == 1) out.wall_time = at.fixed<double>();
    if (field == 2) out.step = static_cast<int64_t>(at.varint());
    if (field == 3) out.file_version = at.take(at.varint());
    if (field == 5)
      read_message(at.take(at.varint()), [&](int inner, int inner_wire, ByteCursor& in) {
        expect(inner == 1 && inner_wire == 2);
        read_value(in.take(in.varint()));
      });
  });
  return out;
}

inline std::vector<ReadEvent> read_event_file(std::string_view bytes) {
  std::vector<ReadEvent> out;
  for (ByteCursor at(bytes); !at.empty();) {
    const std::string_view length = at.take(8);
    if (at.fixed<uint32_t>() != plain_masked_crc32c(length)) throw std::runtime_error("the length's checksum is wrong");
    const std::string_view event = at.take(ByteCursor(length).fixed<uint64_t>());
    if (at.fixed<uint32_t>() != plain_masked_crc32c(event)) throw std::runtime_error("an event's checksum is wrong");
    out.push_back(read_event(event));
  }
  return out;
}

}  // namespace espalier
