#include "core/data/concat_order.h"

#include <algorithm>
#include <cassert>

namespace espalier {
namespace {

// The last i with starts[i] <= at, for at in [0, starts.back()). Documents come in random order, so their starts grow
// evenly: the search begins where a straight line puts it and looks at few cache lines.
uint64_t last_at_or_before(const std::vector<uint64_t>& starts, uint64_t at) {
  constexpr uint64_t kGroup = 16;
  const uint64_t documents = starts.size() - 1, groups = (documents + kGroup - 1) / kGroup;
  const auto start = [&](uint64_t group) { return starts[group * kGroup]; };
  const double line = static_cast<double>(at) / static_cast<double>(starts.back()) * static_cast<double>(groups);
  uint64_t low = std::min(static_cast<uint64_t>(line), groups - 1), high = low + 1;
  for (uint64_t step = 1; start(low) > at; step *= 2) {
    high = low;
    low -= std::min(low, step);
  }
  for (uint64_t step = 1; high < groups && start(high) <= at; step *= 2) {
    low = high;
    high = std::min(groups, high + step);
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (start(middle) <= at ? low : high) = middle;
  }
  const uint64_t first = low * kGroup, end = std::min(first + kGroup, documents);
  uint64_t passed = 0;
  for (uint64_t i = first + 1; i < end; ++i) passed += starts[i] <= at ? 1 : 0;
  return first + passed;
}

}  // namespace

ConcatOrder::ConcatOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, uint64_t seed)
    : shard_(shard), documents_(std::move(documents)), seed_(seed), block_tokens_(block_tokens) {
  assert(!documents_.empty() && block_tokens > 0);
  for (const uint32_t document : documents_) num_tokens_ += shard_.length(document);
  blocks_ = repeats_inside() ? 1 : (num_tokens_ - 1) / block_tokens_;
}

ConcatOrder::Position ConcatOrder::find(uint64_t k, uint64_t first) {
  const Epoch& now = epoch(k / blocks_);
  uint64_t at = now.blocks(k % blocks_) * block_tokens_ + first;
  if (at >= num_tokens_) at %= num_tokens_;  // only where documents are repeated inside the block
  return {&now, at, last_at_or_before(now.starts, at)};
}

RowPlace ConcatOrder::place_of(const Position& position, uint64_t width) const {
  const Epoch& now = *position.epoch;
  return {documents_[now.documents(position.order)], position.at - now.starts[position.order], width};
}

RowPlace ConcatOrder::locate(uint64_t k, uint64_t first, uint64_t width) {
  return place_of(find(k, first), width);
}

RowPlace ConcatOrder::copy(uint64_t k, uint64_t first, std::span<int32_t> out) {
  Position position = find(k, first);
  const RowPlace place = place_of(position, out.size());
  uint64_t document = place.document, skip = place.offset;
  for (;;) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(shard_.length(document) - skip, out.size()));
    shard_.copy(shard_.offset(document) + skip, out.first(count));
    out = out.subspan(count);
    if (out.empty()) return place;
    if (++position.order == documents_.size()) position.order = 0;
    document = documents_[position.epoch->documents(position.order)];
    skip = 0;
  }
}

const ConcatOrder::Epoch& ConcatOrder::epoch(uint64_t number) {
  Epoch& slot = epochs_[number % epochs_.size()];
  if (slot.number == number) return slot;
  slot.documents = Permutation(documents_.size(), seed_, "data.docs", number);
  slot.blocks = Permutation(blocks_, seed_, "data.windows", number);
  slot.starts.clear();
  slot.starts.reserve(documents_.size() + 1);
  slot.starts.push_back(0);
  for (uint64_t i = 0; i < documents_.size(); ++i)
    slot.starts.push_back(slot.starts.back() + shard_.length(documents_[slot.documents(i)]));
  slot.number = number;
  return slot;
}

}  // namespace espalier
