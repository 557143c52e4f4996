#include "sdk/elf_symbols.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace espalier::sdk_test {

namespace {

template <class Item>
Item item_at(const std::string& bytes, std::size_t offset) {
  if (offset + sizeof(Item) > bytes.size()) throw std::runtime_error("truncated ELF file");
  Item item;
  std::memcpy(&item, bytes.data() + offset, sizeof(item));
  return item;
}

}  // namespace

std::vector<std::string> exported_symbols(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto header = item_at<Elf64_Ehdr>(bytes, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    throw std::runtime_error(path + " is no 64-bit ELF file");
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto section = item_at<Elf64_Shdr>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_DYNSYM) continue;
    const auto strings = item_at<Elf64_Shdr>(bytes, header.e_shoff + section.sh_link * sizeof(Elf64_Shdr));
    for (std::size_t at = 0; at < section.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = item_at<Elf64_Sym>(bytes, section.sh_offset + at);
      if (symbol.st_name == 0 || symbol.st_shndx == SHN_UNDEF) continue;
      names.emplace_back(bytes.c_str() + strings.sh_offset + symbol.st_name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace espalier::sdk_test
