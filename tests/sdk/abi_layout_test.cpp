// The ABI's layout as a C++ compiler sees it: same numbers as in C, and no hidden padding.
#include <espalier/espalier.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "catch.h"

#define SIZE(name, bytes) static_assert(sizeof(name) == (bytes));
#define FIELD(name, field, offset, bytes) \
  static_assert(offsetof(name, field) == (offset) && sizeof(name::field) == (bytes));
#include "abi_layout.inc"
#undef SIZE
#undef FIELD

namespace {

struct Layout {
  std::size_t size = 0;
  std::vector<std::pair<std::size_t, std::size_t>> fields;  // offset, bytes
};

std::map<std::string, Layout> layouts() {
  std::map<std::string, Layout> out;
#define SIZE(name, bytes) out[#name].size = bytes;
#define FIELD(name, field, offset, bytes) out[#name].fields.emplace_back(offset, bytes);
#include "abi_layout.inc"
#undef SIZE
#undef FIELD
  return out;
}

}  // namespace

TEST_CASE("no struct of the ABI has hidden padding", "[sdk][abi]") {
  for (const auto& [name, layout] : layouts()) {
    INFO(name);
    std::size_t end = 0;
    for (const auto& [offset, bytes] : layout.fields) {
      CHECK(offset == end);
      end = offset + bytes;
    }
    CHECK(end == layout.size);
  }
}

TEST_CASE("every extensible struct begins with struct_size", "[sdk][abi]") {
  // Frozen structs have none: they lie in arrays, or are as small as they can be.
  CHECK(offsetof(esp_host, struct_size) == 0);
  CHECK(offsetof(esp_param, struct_size) == 0);
  CHECK(offsetof(esp_desc, struct_size) == 0);
  CHECK(offsetof(esp_config, struct_size) == 0);
  CHECK(offsetof(esp_progress, struct_size) == 0);
  CHECK(offsetof(esp_object, struct_size) == 0);
  CHECK(offsetof(esp_factory, struct_size) == 0);
  CHECK(offsetof(esp_arch, struct_size) == 0);
  CHECK(offsetof(esp_plan, struct_size) == 0);
  CHECK(offsetof(esp_growth, struct_size) == 0);
  CHECK(offsetof(esp_step_shape, struct_size) == 0);
  CHECK(offsetof(esp_docs, struct_size) == 0);
  CHECK(offsetof(esp_difficulty, struct_size) == 0);
  CHECK(offsetof(esp_schedule, struct_size) == 0);
  CHECK(offsetof(esp_entry, magic) == 0);  // the entry's magic number comes first, then its size
  CHECK(offsetof(esp_entry, struct_size) == 4);
}

TEST_CASE("the magic number reads ESP1 in memory", "[sdk][abi]") {
  const std::uint32_t magic = ESP_MAGIC;
  CHECK(std::string(reinterpret_cast<const char*>(&magic), 4) == "ESP1");
}
