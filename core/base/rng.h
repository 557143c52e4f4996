// Counter-based random numbers: every draw is a pure function of (seed, purpose, counter), so data order, init and
// sub-network draws need no state, resume exactly and do not depend on the number of ranks or threads.
// Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (Philox4x32-10).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace espalier {

// Stable 64-bit hash of a text (FNV-1a, then mixed); names and purposes become keys through it.
uint64_t hash64(std::string_view text);
// Mixes two 64-bit values into one (splitmix64 finaliser).
uint64_t mix64(uint64_t a, uint64_t b);

// A keyed generator. Cheap to copy; const calls may run on any thread.
class Rng {
 public:
  Rng(uint64_t seed, std::string_view purpose) : key_(mix64(seed, hash64(purpose))) {}

  // The four 32-bit words at a counter; `stream` separates independent sequences under one purpose.
  std::array<uint32_t, 4> words(uint64_t counter, uint64_t stream = 0) const;
  // Uniform in [0, 1).
  double uniform(uint64_t counter, uint64_t stream = 0) const;
  // Uniform integer in [0, bound), bound > 0; the bias is below 2^-32 for the bounds used here.
  uint64_t below(uint64_t bound, uint64_t counter, uint64_t stream = 0) const;
  // Standard normal numbers for positions [0, out.size()) of a stream (Box-Muller).
  void normal(std::span<float> out, uint64_t stream = 0) const;

 private:
  uint64_t key_;
};

// A pseudo-random permutation of [0, size) evaluated in O(1) memory and about O(1) time: a Feistel network over the
// next power of four, walked until it lands inside the range. size > 0, index < size.
class Permutation {
 public:
  Permutation(uint64_t size, uint64_t seed, std::string_view purpose, uint64_t stream);
  uint64_t operator()(uint64_t index) const;
  uint64_t size() const { return size_; }

  // indices[i] = (*permutations[i])(indices[i]), for as many as there are; several times as fast for dozens of them
  // where the machine has AVX-512.
  static void apply(std::span<const Permutation* const> permutations, std::span<uint64_t> indices);

 private:
  static constexpr size_t kRounds = 6, kTogether = 64;
  struct Walks;
  static void apply_wide(const Permutation* const* permutations, uint64_t* indices, size_t count);

  uint64_t size_, half_bits_;
  std::array<uint64_t, kRounds> keys_;
};

}  // namespace espalier
