#include "core/base/rng.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>

namespace espalier {
namespace {

[[gnu::always_inline]] inline uint64_t splitmix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> ctr, uint64_t key) {
  constexpr uint32_t kMul0 = 0xD2511F53, kMul1 = 0xCD9E8D57, kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kMul0} * ctr[0], p1 = uint64_t{kMul1} * ctr[2];
    ctr = {static_cast<uint32_t>(p1 >> 32) ^ ctr[1] ^ k0, static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ ctr[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return ctr;
}

}  // namespace

uint64_t hash64(std::string_view text) {
  uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return splitmix(h);
}

uint64_t mix64(uint64_t a, uint64_t b) {
  return splitmix(splitmix(a) ^ b);
}

std::array<uint32_t, 4> Rng::words(uint64_t counter, uint64_t stream) const {
  return philox4x32_10({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                        static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                       key_);
}

double Rng::uniform(uint64_t counter, uint64_t stream) const {
  const auto w = words(counter, stream);
  return static_cast<double>(((uint64_t{w[0]} << 32) | w[1]) >> 11) * 0x1.0p-53;
}

uint64_t Rng::below(uint64_t bound, uint64_t counter, uint64_t stream) const {
  assert(bound > 0);
  const auto w = words(counter, stream);
  const auto wide = static_cast<unsigned __int128>((uint64_t{w[0]} << 32) | w[1]) * bound;
  return static_cast<uint64_t>(wide >> 64);
}

void Rng::normal(std::span<float> out, uint64_t stream) const {
  for (size_t i = 0; i < out.size(); i += 4) {
    const auto w = words(i / 4, stream);
    for (size_t j = 0; j < 4 && i + j < out.size(); j += 2) {
      const double u = (w[j] + 1.0) * 0x1.0p-32, v = w[j + 1] * 0x1.0p-32;  // u in (0, 1]: log is finite
      const double radius = std::sqrt(-2.0 * std::log(u)), angle = 2.0 * std::numbers::pi * v;
      out[i + j] = static_cast<float>(radius * std::cos(angle));
      if (i + j + 1 < out.size()) out[i + j + 1] = static_cast<float>(radius * std::sin(angle));
    }
  }
}

Permutation::Permutation(uint64_t size, uint64_t seed, std::string_view purpose, uint64_t stream)
    : size_(size), half_bits_(static_cast<uint64_t>(std::bit_width(size > 1 ? size - 1 : 1) + 1) / 2) {
  assert(size > 0);
  const Rng rng(seed, purpose);
  for (size_t i = 0; i < keys_.size(); ++i) {
    const auto w = rng.words(i, stream);
    keys_[i] = splitmix((uint64_t{w[0]} << 32) | w[1]);  // the half of mix64 that does not depend on the index
  }
}

uint64_t Permutation::operator()(uint64_t index) const {
  assert(index < size_);
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t x = index;
  do {
    uint64_t left = x >> half_bits_, right = x & mask;
    for (const uint64_t key : keys_) {
      const uint64_t next = left ^ (splitmix(key ^ right) & mask);
      left = right;
      right = next;
    }
    x = (left << half_bits_) | right;
  } while (x >= size_);
  return x;
}

#if defined(__x86_64__)
#define ESPALIER_WIDE __attribute__((target("avx512f,avx512dq,avx512vl,prefer-vector-width=512")))

// Walks of many permutations side by side, one a lane.
struct Permutation::Walks {
  alignas(64) uint64_t keys[kRounds][kTogether], mask[kTogether], half_bits[kTogether], size[kTogether], x[kTogether];
  uint32_t of[kTogether];  // the caller's index

  ESPALIER_WIDE void step(size_t lanes) {
    for (size_t i = 0; i < lanes; ++i) {
      uint64_t left = x[i] >> half_bits[i], right = x[i] & mask[i];
      for (size_t r = 0; r < kRounds; ++r) {
        const uint64_t next = left ^ (splitmix(keys[r][i] ^ right) & mask[i]);
        left = right;
        right = next;
      }
      x[i] = (left << half_bits[i]) | right;
    }
  }
  void move(size_t from, size_t to) {
    for (size_t r = 0; r < kRounds; ++r) keys[r][to] = keys[r][from];
    mask[to] = mask[from];
    half_bits[to] = half_bits[from];
    size[to] = size[from];
    x[to] = x[from];
    of[to] = of[from];
  }
};

void Permutation::apply_wide(const Permutation* const* permutations, uint64_t* indices, size_t count) {
  constexpr size_t kLanes = 8;
  Walks walks;
  for (size_t i = 0; i < count; ++i) {
    const Permutation& permutation = *permutations[i];
    assert(indices[i] < permutation.size_);
    for (size_t r = 0; r < kRounds; ++r) walks.keys[r][i] = permutation.keys_[r];
    walks.mask[i] = (uint64_t{1} << permutation.half_bits_) - 1;
    walks.half_bits[i] = permutation.half_bits_;
    walks.size[i] = permutation.size_;
    walks.x[i] = indices[i];
    walks.of[i] = static_cast<uint32_t>(i);
  }
  while (count > 0) {
    for (size_t i = count; i % kLanes != 0; ++i) walks.move(0, i);  // whole registers; the copies are not read
    walks.step((count + kLanes - 1) / kLanes * kLanes);
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      if (walks.x[i] < walks.size[i])
        indices[walks.of[i]] = walks.x[i];
      else
        walks.move(i, left++);
    }
    count = left;
  }
}
#endif

void Permutation::apply(std::span<const Permutation* const> permutations, std::span<uint64_t> indices) {
  assert(permutations.size() == indices.size());
  size_t done = 0;
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  for (; wide && done < indices.size(); done += std::min(kTogether, indices.size() - done))
    apply_wide(&permutations[done], &indices[done], std::min(kTogether, indices.size() - done));
#endif
  for (; done < indices.size(); ++done) indices[done] = (*permutations[done])(indices[done]);
}

}  // namespace espalier
