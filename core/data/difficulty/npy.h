// NumPy .npy files of one float32 vector, the form of difficulty scores.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace espalier {

// Written atomically. Throws Error(data).
void write_npy(const std::filesystem::path& path, std::span<const float> values);
// Throws Error(data) when the file is not a little-endian float32 vector or is truncated.
std::vector<float> read_npy(const std::filesystem::path& path);

}  // namespace espalier
