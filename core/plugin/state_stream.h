// A plugin's state as bytes: a header with its state_version, then what the plugin wrote. The streams given to the
// plugin move fewer bytes than asked, starting with very few, so that a plugin which does not loop is found on the
// first save.
#pragma once

#include <espalier/abi.h>

#include <cstdint>
#include <string>

namespace espalier::plugin {

class StateWriter {
 public:
  explicit StateWriter(uint32_t state_version) : state_version_(state_version) {}
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  esp_out stream() { return {this, &write}; }
  // Header and payload; empty when the plugin wrote nothing.
  std::string finish() const;

 private:
  static int64_t write(void* context, const void* data, uint64_t size) noexcept;
  uint32_t state_version_;
  std::string payload_;
};

class StateReader {
 public:
  // `bytes` must outlive the reader. Throws Error(checkpoint, place = who) for bytes that no StateWriter made, and
  // Error(plugin) for a state_version newer than `newest`.
  StateReader(const std::string& bytes, uint32_t newest, const std::string& who);
  StateReader(const StateReader&) = delete;
  StateReader& operator=(const StateReader&) = delete;

  uint32_t state_version() const { return state_version_; }
  esp_in stream() { return {this, &read}; }

 private:
  static int64_t read(void* context, void* data, uint64_t size) noexcept;
  const std::string& bytes_;
  size_t at_ = 0, begin_ = 0;
  uint32_t state_version_ = 0;
};

}  // namespace espalier::plugin
