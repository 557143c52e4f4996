// The smallest run that can be saved.
#pragma once

#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

namespace espalier {

inline Snapshot tiny_snapshot(int64_t step) {
  Snapshot snapshot;
  snapshot.state.spec = tiny_llama(1);
  snapshot.state.params = init_params(snapshot.state.spec, static_cast<uint64_t>(step), 0.1, 1);
  snapshot.state.step = step;
  snapshot.data_state = "{}";
  snapshot.config_toml = "[job]\nname = \"x\"\n";
  return snapshot;
}

inline fs::path save_tiny(const fs::path& checkpoints_dir, int64_t step, int64_t keep_latest = 0) {
  return save_checkpoint(checkpoints_dir, tiny_snapshot(step), 0, nullptr, keep_latest);
}

// One bit of the last byte.
inline void flip_last_bit(const fs::path& file) {
  std::string bytes = read_file(file, ErrorCode::checkpoint);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(file, bytes, ErrorCode::checkpoint);
}

}  // namespace espalier
