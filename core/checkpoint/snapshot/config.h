// [checkpoint]
#pragma once

#include <cstdint>
#include <string>

#include "core/config/fields.h"

namespace espalier {

struct CheckpointConfig {
  Duration interval{0.1, Duration::Unit::fraction};
  int64_t keep_latest = 3;
  bool at_growth = true;
  std::string resume = "auto";
  std::string initial_load_path;
  std::string initial_load_optimizer = "load";

  void fields(Fields& f);
};

}  // namespace espalier
