// Two disjoint parts of everything that a generator can produce, so that evaluation never meets training text.
#pragma once

#include <cstdint>

namespace espalier::generate {

enum class Split { train, heldout };

// One in ten problems or plots is held out, whatever the seed.
inline constexpr uint64_t kHeldoutOneIn = 10;

}  // namespace espalier::generate
