// The struct_size rule in one place: read min(theirs, ours), and treat a missing tail as zero.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace espalier::sdk {

/// A full copy of a table whose owner may know fewer fields (missing ones become zero) or more (they are ignored).
/// NULL gives an all-zero table.
template <class Table>
Table sized_copy(const Table* theirs) {
  Table ours{};
  if (theirs == nullptr) return ours;
  const std::size_t size = std::min<std::size_t>(theirs->struct_size, sizeof(Table));
  std::memcpy(&ours, theirs, size);
  ours.struct_size = static_cast<std::uint32_t>(size);
  return ours;
}

/// Fills the part of `theirs` that its owner knows. REQUIRES: theirs->struct_size holds the owner's size; it is kept.
template <class Table>
void sized_write(Table* theirs, Table ours) {
  const std::uint32_t known = theirs->struct_size;
  ours.struct_size = known;
  std::memcpy(theirs, &ours, std::min<std::size_t>(known, sizeof(Table)));
}

}  // namespace espalier::sdk
