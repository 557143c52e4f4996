// Token ids from files are numbers like any others until they are seen to lie in the vocabulary.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace espalier {

// Index of the first id outside of [0, vocab_size), or ids.size().
size_t first_outside(std::span<const int32_t> ids, int32_t vocab_size);

// Throws Error(data) that names the id and its place.
[[noreturn]] void refuse_id(int32_t id, int32_t vocab_size, const std::string& place);

}  // namespace espalier
