// XXH64, the 64-bit hash that guards prepared data against damage: about as fast as memory can be read. It finds
// accidents, not forgeries. Source: the xxHash specification, version 0.1.1 (https://github.com/Cyan4973/xxHash).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/base/error.h"

namespace espalier {

uint64_t checksum(std::span<const std::byte> bytes);
inline uint64_t checksum(std::string_view text) {
  return checksum(std::as_bytes(std::span(text)));
}
// Of a whole file, read and not mapped. Throws Error(code) with the path.
uint64_t checksum_file(const std::filesystem::path& path, ErrorCode code);

}  // namespace espalier
