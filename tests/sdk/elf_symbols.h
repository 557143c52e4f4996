// Exported symbols of a shared library, read from the file without loading it.
#pragma once

#include <string>
#include <vector>

namespace espalier::sdk_test {

/// Names of the defined dynamic symbols, sorted. Throws std::runtime_error where the file is no 64-bit ELF library.
std::vector<std::string> exported_symbols(const std::string& path);

}  // namespace espalier::sdk_test
