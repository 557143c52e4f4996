#include "core/data/cell.h"

#include <algorithm>
#include <cassert>

#include "core/base/rng.h"

namespace espalier {

Cell::Cell(const TokenShard& shard, std::vector<uint32_t> documents, int64_t seq_len, uint64_t seed,
           const std::string& name)
    : shard_(shard),
      documents_(std::move(documents)),
      seed_(mix64(seed, hash64(name))),
      window_tokens_(static_cast<uint64_t>(seq_len) + 1) {
  assert(!documents_.empty());
  for (const uint32_t document : documents_) num_tokens_ += shard_.length(document);
  windows_ = shorter_than_a_window() ? 1 : (num_tokens_ - 1) / (window_tokens_ - 1);
}

void Cell::window(uint64_t k, std::span<int32_t> out) {
  assert(out.size() == window_tokens_);
  const uint64_t number = k / windows_;
  const Epoch& now = epoch(number);
  uint64_t at = Permutation(windows_, seed_, "data.windows", number)(k % windows_) * (window_tokens_ - 1);
  const Permutation order(documents_.size(), seed_, "data.docs", number);
  auto position =
      static_cast<uint64_t>(std::upper_bound(now.starts.begin(), now.starts.end(), at) - now.starts.begin() - 1);
  while (!out.empty()) {
    const uint32_t document = documents_[order(position)];
    const uint64_t skip = at - now.starts[position];
    const auto count = static_cast<size_t>(std::min<uint64_t>(shard_.length(document) - skip, out.size()));
    shard_.copy(shard_.offset(document) + skip, out.first(count));
    out = out.subspan(count);
    at += count;
    if (++position == documents_.size()) at = position = 0;
  }
}

const Cell::Epoch& Cell::epoch(uint64_t number) {
  Epoch& slot = epochs_[number % epochs_.size()];
  if (slot.number == number) return slot;
  const Permutation order(documents_.size(), seed_, "data.docs", number);
  slot.starts.assign(1, 0);
  slot.starts.reserve(documents_.size() + 1);
  for (uint64_t i = 0; i < documents_.size(); ++i)
    slot.starts.push_back(slot.starts.back() + shard_.length(documents_[order(i)]));
  slot.number = number;
  return slot;
}

}  // namespace espalier
