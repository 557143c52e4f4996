#include "core/data/tokenizer/word_cache.h"

#include <algorithm>
#include <cstring>

namespace espalier {
namespace {

constexpr size_t kFirstSlots = size_t{1} << 12, kMostSlots = size_t{1} << 18;
constexpr size_t kMostPooled = size_t{1} << 21;  // bytes of long words, and ids

uint64_t load(const char* bytes, size_t count) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  return value;
}

}  // namespace

uint64_t WordCache::hash(std::string_view word) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  uint64_t state = word.size() * kOdd;
  const auto mix = [&](uint64_t bytes) {
    state = (state ^ bytes) * kOdd;
    state ^= state >> 32;
  };
  for (; word.size() > 8; word.remove_prefix(8)) mix(load(word.data(), 8));
  mix(load(word.data(), word.size()));
  return state * kOdd >> 16 ^ state;
}

WordCache::WordCache() : slots_(kFirstSlots) {}

bool WordCache::holds(const Slot& slot, uint64_t hashed, std::string_view word) const {
  if (slot.hash != hashed || slot.bytes != word.size()) return false;
  const char* text = word.size() <= kShort ? slot.text : text_.data() + load(slot.text, 4);
  return std::memcmp(text, word.data(), word.size()) == 0;
}

bool WordCache::find(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > kLongestWord || word.empty()) return false;
  const uint64_t hashed = hash(word);
  for (size_t at = hashed & (slots_.size() - 1); slots_[at].bytes != 0; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (!holds(slot, hashed, word)) continue;
    if (slot.num_ids == 1) {
      ids.push_back(static_cast<int32_t>(slot.ids));
    } else {
      ids.insert(ids.end(), ids_.begin() + slot.ids, ids_.begin() + slot.ids + slot.num_ids);
    }
    return true;
  }
  return false;
}

WordCache::Slot& WordCache::free_slot(uint64_t hashed) {
  size_t at = hashed & (slots_.size() - 1);
  while (slots_[at].bytes != 0) at = (at + 1) & (slots_.size() - 1);
  return slots_[at];
}

void WordCache::grow() {
  std::vector<Slot> old(std::min(slots_.size() * 4, kMostSlots));
  std::swap(old, slots_);
  for (const Slot& slot : old)
    if (slot.bytes != 0) free_slot(slot.hash) = slot;
}

void WordCache::remember(std::string_view word, std::span<const int32_t> ids) {
  if (word.size() > kLongestWord || word.empty()) return;
  if (words_ == kMostWords || text_.size() > kMostPooled || ids_.size() > kMostPooled) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    text_.clear();
    ids_.clear();
    words_ = 0;
  }
  if (words_ * 2 > slots_.size() && slots_.size() < kMostSlots) grow();
  const uint64_t hashed = hash(word);
  Slot& slot = free_slot(hashed);
  slot.hash = hashed;
  slot.bytes = static_cast<uint8_t>(word.size());
  slot.num_ids = static_cast<uint8_t>(ids.size());
  if (word.size() <= kShort) {
    std::memcpy(slot.text, word.data(), word.size());
  } else {
    const auto at = static_cast<uint32_t>(text_.size());
    std::memcpy(slot.text, &at, sizeof(at));
    text_ += word;
  }
  slot.ids = ids.size() == 1 ? static_cast<uint32_t>(ids[0]) : static_cast<uint32_t>(ids_.size());
  if (ids.size() != 1) ids_.insert(ids_.end(), ids.begin(), ids.end());
  ++words_;
}

}  // namespace espalier
