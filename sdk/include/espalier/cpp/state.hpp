// A plugin's state as bytes: little-endian, no padding, the same state always the same bytes.
#pragma once

#include <espalier/abi.h>
#include <espalier/cpp/error.hpp>

#include <cstring>
#include <string>

namespace espalier::sdk {

/// Appends values to the host's stream. Throws Error when the host cannot take them.
class Writer {
 public:
  explicit Writer(const esp_out* out) : out_(out) {}

  void u64(std::uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
    raw(bytes, sizeof(bytes));
  }
  void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
  void f64(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    u64(bits);
  }
  void text(std::string_view value) {
    u64(value.size());
    raw(value.data(), value.size());
  }
  void raw(const void* data, std::uint64_t size) {
    const char* next = static_cast<const char*>(data);
    while (size > 0) {
      const std::int64_t moved = out_->write(out_->ctx, next, size);
      if (moved <= 0 || static_cast<std::uint64_t>(moved) > size) throw data_loss("the host could not take the state");
      next += moved;
      size -= static_cast<std::uint64_t>(moved);
    }
  }

 private:
  const esp_out* out_;
};

/// Reads values back in the order they were written. Throws Error (ESP_DATA_LOSS) when the bytes end early.
class Reader {
 public:
  explicit Reader(const esp_in* in) : in_(in) {}

  std::uint64_t u64() {
    unsigned char bytes[8];
    raw(bytes, sizeof(bytes));
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    return value;
  }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  double f64() {
    const std::uint64_t bits = u64();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  std::string text() {
    std::string out;
    char piece[256];
    for (std::uint64_t left = u64(); left > 0;) {  // by pieces: a damaged length must not allocate
      const std::uint64_t size = left < sizeof(piece) ? left : sizeof(piece);
      raw(piece, size);
      out.append(piece, static_cast<std::size_t>(size));
      left -= size;
    }
    return out;
  }
  void raw(void* data, std::uint64_t size) {
    char* next = static_cast<char*>(data);
    while (size > 0) {
      const std::int64_t moved = in_->read(in_->ctx, next, size);
      if (moved <= 0 || static_cast<std::uint64_t>(moved) > size) throw data_loss("the saved state ends early");
      next += moved;
      size -= static_cast<std::uint64_t>(moved);
    }
  }
  /// Throws Error unless everything was read.
  void expect_end() {
    char extra = 0;
    if (in_->read(in_->ctx, &extra, 1) != 0) throw data_loss("the saved state is longer than expected");
  }

 private:
  const esp_in* in_;
};

}  // namespace espalier::sdk
