#include "core/plugin/elf_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "core/base/error.h"

namespace espalier::plugin {
namespace {

static_assert(sizeof(void*) == 8, "written for 64-bit systems");

constexpr size_t kMaxSymbols = size_t{1} << 24;
constexpr const char* kHint = "it must be a shared library for this system with all its symbols resolved";

#if defined(__x86_64__)
constexpr uint16_t kOurMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kOurMachine = EM_AARCH64;
#else
constexpr uint16_t kOurMachine = EM_NONE;  // the loader's word has to do
#endif

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit Arm";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "s390";
    default:
      return fmt::format("machine {} of the ELF list", machine);
  }
}

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& who) : bytes_(bytes), who_(who) {}

  ElfFile read() {
    const auto header = check_header();
    load_segments(header);
    ElfFile out;
    read_dynamic(out);
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& why, const char* hint = kHint) const {
    throw Error(ErrorCode::plugin, "cannot be loaded: " + why, who_, hint);
  }

  template <class Item>
  Item at(uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(Item))
      refuse(fmt::format("it is cut short or damaged: {} bytes, but something at {}", bytes_.size(), offset));
    Item item;
    std::memcpy(&item, bytes_.data() + offset, sizeof(item));
    return item;
  }

  Elf64_Ehdr check_header() const {
    if (bytes_.size() < EI_NIDENT || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0)
      refuse(bytes_.empty() ? "it is empty" : "it is no library but some other file");
    if (bytes_[EI_CLASS] != ELFCLASS64) refuse("it is built for a 32-bit system, this one has 64 bits");
    if (bytes_[EI_DATA] != (std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB))
      refuse("it is built for a processor with another byte order");
    const auto header = at<Elf64_Ehdr>(0);
    if (kOurMachine != EM_NONE && header.e_machine != kOurMachine)
      refuse(fmt::format("it is built for {}, this is {}", machine_name(header.e_machine), machine_name(kOurMachine)),
             "build it on, or for, this kind of machine");
    if (header.e_type != ET_DYN)
      refuse(header.e_type == ET_REL ? "it is an object file; link it with -shared"
                                     : "it is a program or a memory image, no shared library");
    if (header.e_phentsize != sizeof(Elf64_Phdr)) refuse("its program headers have an unknown size");
    return header;
  }

  void load_segments(const Elf64_Ehdr& header) {
    for (uint64_t i = 0; i < header.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
      // The loader maps without looking, and a page past the end ends the process with SIGBUS.
      if (segment.p_offset > bytes_.size() || segment.p_filesz > bytes_.size() - segment.p_offset)
        refuse(fmt::format("it is cut short: {} bytes, its segments end at {}", bytes_.size(),
                           segment.p_offset + segment.p_filesz));
      (segment.p_type == PT_LOAD ? loads_ : dynamic_).push_back(segment);
    }
    if (loads_.empty() || dynamic_.size() != 1) refuse("it has no dynamic section");
  }

  // Where in the file an address of the loaded library lies.
  uint64_t offset_of(uint64_t address) const {
    for (const auto& segment : loads_)
      if (address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
        return segment.p_offset + (address - segment.p_vaddr);
    refuse(fmt::format("it is damaged: address {:#x} is in no segment", address));
  }

  std::string_view text(uint64_t offset) const {
    if (offset >= bytes_.size()) refuse("it is damaged: a name lies past its end");
    const std::string_view rest = bytes_.substr(offset);
    return rest.substr(0, rest.find('\0'));
  }

  void read_dynamic(ElfFile& out) {
    std::optional<uint64_t> symbols, strings, gnu_hash, hash;
    std::vector<uint64_t> run_paths;
    const auto& dynamic = dynamic_.front();
    for (uint64_t done = 0; done + sizeof(Elf64_Dyn) <= dynamic.p_filesz; done += sizeof(Elf64_Dyn)) {
      const auto item = at<Elf64_Dyn>(dynamic.p_offset + done);
      if (item.d_tag == DT_NULL) break;
      if (item.d_tag == DT_SYMTAB) symbols = item.d_un.d_ptr;
      if (item.d_tag == DT_STRTAB) strings = item.d_un.d_ptr;
      if (item.d_tag == DT_GNU_HASH) gnu_hash = item.d_un.d_ptr;
      if (item.d_tag == DT_HASH) hash = item.d_un.d_ptr;
      if (item.d_tag == DT_RPATH || item.d_tag == DT_RUNPATH) run_paths.push_back(item.d_un.d_val);
    }
    if (!symbols || !strings || (!gnu_hash && !hash)) refuse("it has no table of symbols");
    const uint64_t names = offset_of(*strings), table = offset_of(*symbols);
    for (const uint64_t path : run_paths) {
      const std::string_view value = text(names + path);
      out.uses_origin |=
          value.find("$ORIGIN") != std::string_view::npos || value.find("${ORIGIN}") != std::string_view::npos;
    }
    const size_t count = gnu_hash ? count_by_gnu_hash(offset_of(*gnu_hash)) : at<uint32_t>(offset_of(*hash) + 4);
    if (count > kMaxSymbols) refuse("it is damaged: its table of symbols has no end");
    for (size_t i = 1; i < count; ++i) {
      const uint64_t place = table + i * sizeof(Elf64_Sym);
      const auto symbol = at<Elf64_Sym>(place);
      if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) != STB_GNU_UNIQUE) continue;
      out.uniques.push_back({std::string(text(names + symbol.st_name)), place + offsetof(Elf64_Sym, st_info)});
    }
  }

  // The GNU table says not how many symbols there are: one more than the last of the last chain.
  size_t count_by_gnu_hash(uint64_t table) const {
    const uint64_t buckets = at<uint32_t>(table), first = at<uint32_t>(table + 4), bloom = at<uint32_t>(table + 8);
    const uint64_t bucket_at = table + 16 + bloom * sizeof(uint64_t), chain_at = bucket_at + buckets * sizeof(uint32_t);
    uint64_t last = 0;
    for (uint64_t i = 0; i < buckets; ++i) last = std::max<uint64_t>(last, at<uint32_t>(bucket_at + 4 * i));
    if (last < first) return first;
    while ((at<uint32_t>(chain_at + 4 * (last - first)) & 1) == 0) ++last;  // ends with the file at the latest
    return last + 1;
  }

  std::string_view bytes_;
  const std::string& who_;
  std::vector<Elf64_Phdr> loads_, dynamic_;
};

}  // namespace

ElfFile read_elf(std::string_view bytes, const std::string& who) {
  return Reader(bytes, who).read();
}

void isolate(const ElfFile& file, std::string& bytes) {
  for (const ElfFile::Unique& symbol : file.uniques) {
    auto& info = reinterpret_cast<unsigned char&>(bytes.at(symbol.binding_offset));
    info = static_cast<unsigned char>(ELF64_ST_INFO(STB_GLOBAL, ELF64_ST_TYPE(info)));
  }
}

}  // namespace espalier::plugin
