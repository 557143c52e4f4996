#include "core/plugin/elf_file.h"

#include <elf.h>

#include <cstring>
#include <random>

#include "catch.h"
#include "core/base/file.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::plugin::ElfFile;
using espalier::plugin::isolate;
using espalier::plugin::read_elf;
using namespace espalier::test;

namespace {

std::string bytes_of(const fs::path& path) {
  return espalier::read_file(path, ErrorCode::plugin);
}

std::string message_of(const std::string& bytes) {
  const Error error = error_of([&] { read_elf(bytes, "x.so"); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "x.so");
  return error.message();
}

// The file with another value at a place of its header.
template <class Value>
std::string with(std::string bytes, size_t offset, Value value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

}  // namespace

TEST_CASE("a library for another machine is refused with its name", "[plugin][elf]") {
  const std::string good = bytes_of(kFixtures / "counter.so");
  CHECK_NOTHROW(read_elf(good, "x.so"));
  uint16_t ours = 0;
  std::memcpy(&ours, good.data() + offsetof(Elf64_Ehdr, e_machine), sizeof(ours));
  const uint16_t other = ours == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
  CHECK_THAT(
      message_of(with(good, offsetof(Elf64_Ehdr, e_machine), other)),
      Contains("it is built for ") && Contains(other == EM_AARCH64 ? "AArch64" : "x86-64") && Contains("this is"));
  CHECK_THAT(message_of(with(good, offsetof(Elf64_Ehdr, e_machine), uint16_t{12345})), Contains("machine 12345"));
  CHECK_THAT(message_of(with(good, EI_CLASS, uint8_t{ELFCLASS32})), Contains("32-bit"));
  CHECK_THAT(message_of(with(good, EI_DATA, uint8_t{ELFDATA2MSB})), Contains("byte order"));
  CHECK_THAT(message_of(with(good, offsetof(Elf64_Ehdr, e_type), uint16_t{ET_REL})), Contains("-shared"));
  CHECK_THAT(message_of(with(good, offsetof(Elf64_Ehdr, e_type), uint16_t{ET_EXEC})), Contains("program"));
  CHECK_THAT(message_of("plain text"), Contains("some other file"));
  CHECK_THAT(message_of(""), Contains("it is empty"));
}

TEST_CASE("a library that is cut short or damaged is refused, and reading it ends", "[plugin][elf]") {
  const std::string good = bytes_of(kFixtures / "plugin_template.so");
  CHECK_THAT(message_of(good.substr(0, 1000)), Contains("cut short"));  // its headers, and little else
  for (size_t size = 0; size < good.size(); size += size < 2000 ? 7 : 997)
    error_of([&] { read_elf(std::string_view(good).substr(0, size), "x.so"); });
  std::mt19937 draw(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bent = good;
    for (int flips = 0; flips < 4; ++flips)
      bent[draw() % (i % 2 == 0 ? 1500 : bent.size())] = static_cast<char>(draw());
    error_of([&] { isolate(read_elf(bent, "x.so"), bent); });  // an error or none, and nothing else
  }
}

TEST_CASE("definitions that all libraries would share are found and made the library's own", "[plugin][elf]") {
  std::string bytes = bytes_of(kSame / "same_1.so");
  const ElfFile file = read_elf(bytes, "x.so");
  const auto has = [](const ElfFile& in, const std::string& name) {
    for (const auto& unique : in.uniques)
      if (unique.name == name) return true;
    return false;
  };
  CHECK(has(file, "factor"));
  CHECK(has(file, "_ZZ5callsvE5count"));
  CHECK_FALSE(file.uses_origin);
  const std::string before = bytes;
  isolate(file, bytes);
  CHECK(read_elf(bytes, "x.so").uniques.empty());
  size_t changed = 0;
  for (size_t i = 0; i < bytes.size(); ++i) changed += bytes[i] != before[i];
  CHECK(changed == file.uniques.size());

  CHECK(read_elf(bytes_of(kSame / "same_beside.so"), "x.so").uses_origin);
  CHECK(read_elf(bytes_of(kFixtures / "plugin_template.so"), "x.so").uniques.empty());
}
