// What every fuzz target shares: the entry point, a scratch folder in memory, inputs of several parts, and the rule
// that damaged bytes end in an Error of ours or in contents, and in nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace espalier::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts the input at lines of two percent signs into exactly `count` parts: the last takes the rest, missing ones are
// empty. Seeds are joined in the same way.
std::vector<std::string_view> parts_of(std::string_view input, size_t count);

// A folder of this process, in memory where /dev/shm is there; removed when the process ends well.
const std::filesystem::path& scratch();
// Writes a file below the scratch folder.
std::filesystem::path put(std::string_view name, std::string_view bytes);

// Ends the process, so that the input is kept, unless the error is one for the user: with a message, and not internal.
void check_refusal(const Error& error);

// Whether `action` went through; false after an Error that says what is wrong.
template <class Action>
bool survives(Action&& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    check_refusal(error);
    return false;
  }
}

// Ends the process when something that must hold does not.
void require(bool holds, const char* what);

}  // namespace espalier::fuzz
