// What the host must know of a shared library before it loads it, read from its bytes: these come from strangers, and
// the loader's own words for some faults mislead ("No such file" for another processor), others end the process.
// Source: System V ABI, chapters 4 and 5; GNU extensions of <elf.h>.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::plugin {

struct ElfFile {
  // A definition that the loader would share with every other library of the process, whatever their scopes
  // (STB_GNU_UNIQUE): inline variables and static variables of inline functions, built with default visibility.
  struct Unique {
    std::string name;       // mangled
    size_t binding_offset;  // of the byte st_info in the file
  };
  std::vector<Unique> uniques;
  // Looks for further libraries beside itself ($ORIGIN in its run path): a copy elsewhere would not find them.
  bool uses_origin = false;
};

// Throws Error(plugin, place = who) for bytes that are no whole shared library for this processor.
ElfFile read_elf(std::string_view bytes, const std::string& who);

// Makes the definitions ordinary ones, which stay in their library as the build flag -fno-gnu-unique would have it.
void isolate(const ElfFile& file, std::string& bytes);

}  // namespace espalier::plugin
