// A hash map from 63-bit keys to small values: open addressing, one probe in the common case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../common/hash.hpp"

namespace ngram {

template <class Value>
class KeyMap {
 public:
  struct Slot {
    std::uint64_t key = kEmpty;
    Value value{};
  };

  std::size_t size() const { return size_; }

  /// NULL where the key is not there. Valid until the next at(). [any]
  const Value* find(std::uint64_t key) const {
    if (size_ == 0) return nullptr;
    const Slot& slot = slots_[place(key)];
    return slot.key == key ? &slot.value : nullptr;
  }

  /// The key's value, made from Value{} where it is new. Valid until the next at(). REQUIRES: key < 2^63.
  Value& at(std::uint64_t key) {
    if (3 * (size_ + 1) > 2 * slots_.size()) grow();
    Slot& slot = slots_[place(key)];
    if (slot.key == kEmpty) {
      slot.key = key;
      size_ += 1;
    }
    return slot.value;
  }

  /// Calls visit(key, value&) for each entry, in no particular order.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (Slot& slot : slots_) {
      if (slot.key != kEmpty) visit(slot.key, slot.value);
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>(espalier::sdk::mix64(key)) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace ngram
