#include "core/data/tokenizer/byte_level.h"

#include <array>

namespace espalier {
namespace {

struct Alphabet {
  std::array<std::string, 256> stand_in;
  std::array<int16_t, 512> byte_of;  // by code point; -1: stands for none

  Alphabet() {
    byte_of.fill(-1);
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const bool printable =
          (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
      const uint32_t code = printable ? byte : next++;
      byte_of[code] = static_cast<int16_t>(byte);
      if (code >= 0x80) stand_in[byte] += static_cast<char>(0xC0 | (code >> 6));
      stand_in[byte] += static_cast<char>(code < 0x80 ? code : 0x80 | (code & 0x3F));
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

std::string_view byte_level(uint8_t byte) {
  return alphabet().stand_in[byte];
}

std::string to_byte_level(std::string_view bytes) {
  std::string token;
  for (const char c : bytes) token += byte_level(static_cast<uint8_t>(c));
  return token;
}

bool from_byte_level(std::string_view token, std::string& bytes) {
  bytes.clear();
  for (size_t at = 0; at < token.size(); ++at) {
    uint32_t code = static_cast<uint8_t>(token[at]);
    if (code >= 0x80) {
      if (code < 0xC0 || code > 0xC7 || at + 1 == token.size()) return false;
      code = (code & 0x1F) << 6 | (static_cast<uint8_t>(token[++at]) & 0x3F);
    }
    const int16_t byte = alphabet().byte_of[code];
    if (byte < 0) return false;
    bytes += static_cast<char>(byte);
  }
  return true;
}

}  // namespace espalier
