#include "core/data/text/content_hash.h"

#include <charconv>
#include <string>
#include <utility>

#include "core/base/file.h"

namespace espalier {
namespace {

// Zero marks a free place.
ContentHash stored(ContentHash hash) {
  if (hash == ContentHash{}) hash.low = 1;
  return hash;
}

}  // namespace

ContentHash content_hash(std::string_view text) {
  const std::string hex = sha256_bytes(text);
  ContentHash hash;
  std::from_chars(hex.data(), hex.data() + 16, hash.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, hash.low, 16);
  return hash;
}

size_t ContentHashSet::place_of(const ContentHash& hash) const {
  size_t place = hash.low & (places_.size() - 1);
  while (!(places_[place] == ContentHash{}) && !(places_[place] == hash)) place = (place + 1) & (places_.size() - 1);
  return place;
}

bool ContentHashSet::insert(const ContentHash& hash) {
  if (3 * (size_ + 1) > 2 * places_.size()) {
    const auto old = std::exchange(places_, std::vector<ContentHash>(places_.empty() ? 1024 : 2 * places_.size()));
    for (const auto& item : old)
      if (!(item == ContentHash{})) places_[place_of(item)] = item;
  }
  ContentHash& place = places_[place_of(stored(hash))];
  if (!(place == ContentHash{})) return false;
  place = stored(hash);
  ++size_;
  return true;
}

bool ContentHashSet::contains(const ContentHash& hash) const {
  return !places_.empty() && places_[place_of(stored(hash))] == stored(hash);
}

}  // namespace espalier
