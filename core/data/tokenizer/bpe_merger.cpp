#include "core/data/tokenizer/bpe_merger.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace espalier {
namespace {

// Up to here looking at every pair is faster than a heap.
constexpr size_t kShortPiece = 96;

size_t pair_hash(int32_t left, int32_t right) {
  const uint64_t both = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  return (both * 0x9E3779B97F4A7C15ULL) >> 32;
}

}  // namespace

BpeMerger::BpeMerger(std::span<const int32_t> byte_ids, std::span<const BpeMerge> merges)
    : byte_ids_(byte_ids.begin(), byte_ids.end()), pairs_(std::bit_ceil(merges.size() * 2 + 2)) {
  for (const auto& merge : merges) {
    size_t at = pair_hash(merge.left, merge.right) & (pairs_.size() - 1);
    while (pairs_[at].rank != kNone) at = (at + 1) & (pairs_.size() - 1);
    pairs_[at] = {merge.left, merge.right, static_cast<uint32_t>(merged_.size())};
    merged_.push_back(merge.merged);
  }
}

uint32_t BpeMerger::rank(int32_t left, int32_t right) const {
  for (size_t at = pair_hash(left, right);; ++at) {
    const Pair& pair = pairs_[at & (pairs_.size() - 1)];
    if ((pair.left == left && pair.right == right) || pair.rank == kNone) return pair.rank;
  }
}

void BpeMerger::encode(std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& ids) const {
  scratch.ids.clear();
  for (const char c : piece) scratch.ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
  if (piece.size() <= kShortPiece) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
  ids.insert(ids.end(), scratch.ids.begin(), scratch.ids.end());
}

void BpeMerger::merge_short(BpeScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& ranks = scratch.ranks;  // of the pair that begins at each token
  ranks.assign(ids.size(), kNone);
  for (size_t i = 0; i + 1 < ids.size(); ++i) ranks[i] = rank(ids[i], ids[i + 1]);
  for (;;) {
    const auto lowest = std::min_element(ranks.begin(), ranks.end());
    if (*lowest == kNone) return;
    const size_t at = static_cast<size_t>(lowest - ranks.begin());
    ids[at] = merged_[*lowest];
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
    ranks.erase(lowest + 1);
    ranks[at] = at + 1 < ids.size() ? rank(ids[at], ids[at + 1]) : kNone;
    if (at > 0) ranks[at - 1] = rank(ids[at - 1], ids[at]);
  }
}

// A list of tokens linked by position, and a heap of pairs: rank, then position. An entry is stale when the pair at its
// position has another rank by now.
void BpeMerger::merge_long(BpeScratch& scratch) const {
  // Names of their own: clang 14 cannot capture structured bindings.
  auto& ids = scratch.ids;
  auto &ranks = scratch.ranks, &before = scratch.before, &after = scratch.after;
  auto& heap = scratch.heap;
  const auto size = static_cast<uint32_t>(ids.size());
  ranks.assign(size, kNone);
  before.resize(size);
  after.resize(size);
  heap.clear();
  const auto entry = [&](uint32_t at) { return uint64_t{ranks[at]} << 32 | at; };
  for (uint32_t at = 0; at < size; ++at) {
    before[at] = at - 1;  // of the first: kNone
    after[at] = at + 1;
    if (at + 1 < size) ranks[at] = rank(ids[at], ids[at + 1]);
    if (ranks[at] != kNone) heap.push_back(entry(at));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto renew = [&](uint32_t at) {
    ranks[at] = after[at] < size ? rank(ids[at], ids[after[at]]) : kNone;
    if (ranks[at] == kNone) return;
    heap.push_back(entry(at));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    const auto at = static_cast<uint32_t>(heap.front());
    const bool stale = heap.front() != entry(at);
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    if (stale) continue;
    const uint32_t gone = after[at];
    ids[at] = merged_[ranks[at]];
    ranks[gone] = kNone;
    after[at] = after[gone];
    if (after[at] < size) before[after[at]] = at;
    renew(at);
    if (before[at] != kNone) renew(before[at]);
  }
  size_t count = 0;
  for (uint32_t at = 0; at < size; at = after[at]) ids[count++] = ids[at];
  ids.resize(count);
}

}  // namespace espalier
