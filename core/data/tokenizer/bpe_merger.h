// The merges of a byte-level BPE and their use on one piece of text (Sennrich et al. 2016, algorithm 1, on bytes): the
// adjacent pair of lowest rank is merged, the leftmost of equal ones, until no pair can be.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace espalier {

struct BpeMerge {
  int32_t left = 0, right = 0, merged = 0;  // token ids
};

// Scratch memory of one thread.
struct BpeScratch {
  std::vector<int32_t> ids;
  std::vector<uint32_t> ranks, before, after;
  std::vector<uint64_t> heap;
};

// Immutable; const calls may run on any thread.
class BpeMerger {
 public:
  // `byte_ids`: the token of each byte. A merge's rank is its place in the list; no pair is there twice.
  BpeMerger(std::span<const int32_t> byte_ids, std::span<const BpeMerge> merges);

  // Appends the ids of a piece that is not empty. Takes n log n for a piece of n bytes.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& ids) const;

  static constexpr uint32_t kNone = UINT32_MAX;
  // Place of the merge of two tokens, or kNone.
  uint32_t rank(int32_t left, int32_t right) const;

 private:
  void merge_short(BpeScratch& scratch) const;
  void merge_long(BpeScratch& scratch) const;

  struct Pair {
    int32_t left = -1, right = -1;
    uint32_t rank = kNone;
  };
  std::vector<int32_t> byte_ids_, merged_;  // merged_: by rank
  std::vector<Pair> pairs_;                 // open addressing, a power of two
};

}  // namespace espalier
