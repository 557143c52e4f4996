// Token ids without a header (nanoGPT): how wide each of them is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "core/data/text/file_format.h"

namespace espalier {

// uint16 or uint32, by which of them gives ids inside the vocabulary. `bytes`: the start of the file, `size` bytes in
// all. Throws Error(data), naming the first id outside where neither fits, and what to set where both do, for int64,
// and for a vocabulary that uint16 cannot hold.
FileFormat token_width(const std::filesystem::path& path, std::span<const std::byte> bytes, uint64_t size,
                       int64_t vocab_size);

}  // namespace espalier
