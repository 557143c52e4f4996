#include "core/data/stream/concat_order.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

namespace espalier {
ConcatOrder::ConcatOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, uint64_t seed)
    : shard_(shard), documents_(std::move(documents)), seed_(seed), block_tokens_(block_tokens) {
  assert(!documents_.empty() && block_tokens > 0);
  for (const uint32_t document : documents_) num_tokens_ += shard_.length(document);
  // About four documents to an entry.
  directory_shift_ = static_cast<int>(std::bit_width(4 * num_tokens_ / documents_.size())) - 1;
  blocks_ = repeats_inside() ? 1 : (num_tokens_ - 1) / block_tokens_;
}

ConcatOrder::Lookup ConcatOrder::begin(uint64_t k) {
  Lookup lookup;
  lookup.epoch = &epoch(k / blocks_);
  lookup.index = k % blocks_;
  return lookup;
}

void ConcatOrder::choose_token(Lookup& lookup, uint64_t first) const {
  lookup.at = lookup.index * block_tokens_ + first;
  if (lookup.at >= num_tokens_) lookup.at %= num_tokens_;  // only where documents are repeated inside the block
  lookup.entry = &lookup.epoch->directory[lookup.at >> directory_shift_];
  __builtin_prefetch(lookup.entry);
}

void ConcatOrder::look_up(Lookup& lookup) const {
  lookup.order = *lookup.entry;
  __builtin_prefetch(&lookup.epoch->starts[lookup.order + 1]);
}

void ConcatOrder::choose_document(Lookup& lookup) const {
  const uint64_t* const starts = lookup.epoch->starts.data();
  uint64_t low = lookup.order, high = uint64_t{lookup.entry[1]} + 1;  // starts[low] <= at < starts[high]
  while (high - low > 8) {
    const uint64_t middle = low + (high - low) / 2;
    (starts[middle] <= lookup.at ? low : high) = middle;
  }
  uint64_t passed = 0;
  for (uint64_t i = low + 1; i < high; ++i) passed += starts[i] <= lookup.at ? 1 : 0;
  lookup.order = lookup.index = low + passed;
}

void ConcatOrder::expect_document(const Lookup& lookup) const {
  __builtin_prefetch(&documents_[lookup.index]);
}

RowPlace ConcatOrder::finish(const Lookup& lookup, uint64_t width) const {
  return {documents_[lookup.index], lookup.at - lookup.epoch->starts[lookup.order], width};
}

ConcatOrder::Lookup ConcatOrder::find(uint64_t k, uint64_t first) {
  Lookup lookup = begin(k);
  lookup.index = lookup.epoch->blocks(lookup.index);
  choose_token(lookup, first);
  look_up(lookup);
  choose_document(lookup);
  lookup.index = lookup.epoch->documents(lookup.index);
  return lookup;
}

RowPlace ConcatOrder::locate(uint64_t k, uint64_t first, uint64_t width) {
  return finish(find(k, first), width);
}

void ConcatOrder::locate(std::span<Request> requests, uint64_t width) {
  assert(requests.size() <= kTogether);
  std::array<Lookup, kTogether> lookups;
  std::array<const Permutation*, kTogether> permutations;
  std::array<uint64_t, kTogether> indices;
  const size_t count = requests.size();
  const auto permute = [&](const Permutation Epoch::*which) {
    for (size_t i = 0; i < count; ++i) {
      permutations[i] = &(lookups[i].epoch->*which);
      indices[i] = lookups[i].index;
    }
    Permutation::apply(std::span(permutations).first(count), std::span(indices).first(count));
    for (size_t i = 0; i < count; ++i) lookups[i].index = indices[i];
  };
  for (size_t i = 0; i < count; ++i) lookups[i] = requests[i].order->begin(requests[i].k);
  permute(&Epoch::blocks);
  for (size_t i = 0; i < count; ++i) requests[i].order->choose_token(lookups[i], requests[i].first);
  for (size_t i = 0; i < count; ++i) requests[i].order->look_up(lookups[i]);
  for (size_t i = 0; i < count; ++i) requests[i].order->choose_document(lookups[i]);
  permute(&Epoch::documents);
  for (size_t i = 0; i < count; ++i) requests[i].order->expect_document(lookups[i]);
  for (size_t i = 0; i < count; ++i) requests[i].place = requests[i].order->finish(lookups[i], width);
}

RowPlace ConcatOrder::copy(uint64_t k, uint64_t first, std::span<int32_t> out) {
  Lookup position = find(k, first);
  const RowPlace place = finish(position, out.size());
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
  std::array<const Permutation*, kTogether> permutations;
  permutations.fill(&slot.documents);
  std::array<uint64_t, kTogether> order;
  for (uint64_t first = 0; first < documents_.size(); first += kTogether) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(kTogether, documents_.size() - first));
    std::iota(order.begin(), order.end(), first);
    Permutation::apply(std::span(permutations).first(count), std::span(order).first(count));
    for (size_t i = 0; i < count; ++i) slot.starts.push_back(slot.starts.back() + shard_.length(documents_[order[i]]));
  }
  slot.directory.clear();
  slot.directory.reserve((num_tokens_ >> directory_shift_) + 2);
  for (uint32_t i = 0; i < documents_.size(); ++i)
    while (slot.directory.size() << directory_shift_ < slot.starts[i + 1]) slot.directory.push_back(i);
  slot.directory.push_back(static_cast<uint32_t>(documents_.size() - 1));
  slot.number = number;
  return slot;
}

}  // namespace espalier
