// Files that may be anything: a FIFO, a device, a name that leads nowhere. Every failure is an Error with the path as
// its place.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/error.h"

namespace espalier {

// Opens a file for reading (O_CLOEXEC) and gives its descriptor, the caller's to close. Only regular files: a folder, a
// pipe, a socket or a device is refused by name, without waiting for anybody to write to it.
int open_regular(const std::filesystem::path& path, ErrorCode code);
// Bytes of a regular file.
uint64_t file_bytes(const std::filesystem::path& path, ErrorCode code);
// Whether there is something of that name; false also where the system cannot say. Opening it then tells why.
bool path_exists(const std::filesystem::path& path);

}  // namespace espalier
