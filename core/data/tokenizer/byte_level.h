// The alphabet of byte-level BPE files: every byte as a printable character. Printable Latin-1 stands for itself, the
// other bytes become U+0100 and up, in order (Radford et al. 2019, GPT-2's bytes_to_unicode).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace espalier {

// The stand-in of one byte, or of each byte of a text, as UTF-8.
std::string_view byte_level(uint8_t byte);
std::string to_byte_level(std::string_view bytes);

// The bytes that a token of such a file stands for; false when it holds a character that stands for no byte.
bool from_byte_level(std::string_view token, std::string& bytes);

}  // namespace espalier
