// Files of the cache that are read as a whole, each with a check beside it: <file>.sum, written after it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace espalier {

// Both atomically. Throws Error(data).
void write_cache_file(const std::filesystem::path& path, std::string_view bytes);
// The bytes as they were written. Nothing, with a warning where there is a file, when it has no check or another one:
// what is in the cache can be made again. Throws Error(data) when it cannot be read at all.
std::optional<std::string> read_cache_file(const std::filesystem::path& path);

}  // namespace espalier
