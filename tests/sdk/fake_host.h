// A host without LibTorch and without the core, for tests of plugins and of the authoring layer.
#pragma once

#include <espalier/host.h>

#include <string>
#include <vector>

namespace espalier::sdk_test {

/// Owns an esp_host table. Not to be moved while a plugin holds the table.
class FakeHost {
 public:
  enum class Kind {
    kFull,  ///< every slot and extension
    kBare,  ///< every slot, no optional extension: get() returns NULL for all
    kOld,   ///< struct_size ends before log(): what follows is poison that nobody may read
  };

  explicit FakeHost(Kind kind = Kind::kFull);
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  const esp_host* raw() const { return &table_; }
  esp_host& table() { return table_; }
  const std::vector<std::string>& log_lines() const { return log_lines_; }

 private:
  static const FakeHost& of(const esp_host* host);
  static const void* get(const esp_host* host, const char* extension_id);
  static void fail(esp_call* call, esp_status status, const char* message, uint64_t size);
  static void log(const esp_host* host, int32_t level, const char* message, uint64_t size);
  static void* arena(esp_call* call, uint64_t bytes, uint64_t align);
  static int32_t cancelled(esp_call* call);

  esp_host table_{};  // first: the table's address is the object's
  bool has_extensions_;
  mutable std::vector<std::string> log_lines_;
};

}  // namespace espalier::sdk_test
