// 64-bit hashes that are the same on every machine. Not for keeping secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace espalier::sdk {

/// Spreads every bit of `x` over all bits; a bijection (the finaliser of MurmurHash3, Appleby 2011).
inline std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDu;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53u;
  return x ^ (x >> 33);
}

/// A hash of what came before and `next`, sensitive to the order.
inline std::uint64_t combine64(std::uint64_t before, std::uint64_t next) {
  return mix64(before * 0x9E3779B97F4A7C15u + next + 0x7F4A7C159E3779B9u);
}

/// FNV-1a (Fowler, Noll, Vo), fed byte by byte; finish() spreads the bits.
class ByteHash {
 public:
  void add(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001B3u; }
  std::uint64_t finish() const { return mix64(state_); }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325u;
};

/// Of all bytes of `text`, eight at a time.
inline std::uint64_t hash64(std::string_view text) {
  std::uint64_t state = mix64(text.size() + 1);
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
    }
    state = combine64(state, word);
  }
  std::uint64_t rest = 0;
  for (unsigned i = 0; at + i < text.size(); ++i) {
    rest |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  }
  return combine64(state, rest);
}

}  // namespace espalier::sdk
