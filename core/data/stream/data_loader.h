// Micro-batches made ready ahead of the training step by one thread. Prefetching is invisible: batches and state are
// those of a stream read batch by batch. When the mixture weights change, what was made ahead under the old ones is
// thrown away and drawn again from the last batch handed out.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/data/stream/token_stream.h"

namespace espalier {

struct TokenBatch {
  std::vector<int32_t> tokens;  // [micro_batch, seq_len + 1]
  std::vector<RowOrigin> rows;  // [micro_batch]
};

// The calls below are for one thread.
class DataLoader {
 public:
  // `prefetch` (at least 1) batches are made ahead. The data behind the stream must outlive the loader
  // and stay in place.
  DataLoader(TokenStream stream, int64_t micro_batch, int64_t prefetch);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  // The next batch; false when the stream has ended, then and ever after. Errors of the stream are thrown here.
  bool next(TokenBatch& batch);
  // In force from the next batch on; free when they are those in force already. Throws Error(config).
  void set_weights(const MixtureWeights& weights);

  // The position after the last batch handed out.
  const StreamState& state() const { return state_; }
  // See TokenStream::restore.
  void restore(const StreamState& state);
  double epoch() const { return stream_.epoch(state_); }
  int64_t tokens_per_epoch() const { return stream_.tokens_per_epoch(); }
  // Seconds spent waiting in next() since the last call of this function. For metrics only.
  double take_wait_seconds();

 private:
  struct Item {
    TokenBatch batch;
    StreamState after;
    bool end = false;
    std::exception_ptr error;
  };
  void work();
  Item make_item();
  // Runs `change` on the stream, set back to the last batch handed out, while the thread rests.
  template <class Change>
  void rewind(Change change);

  TokenStream stream_;  // used by the thread while busy_, else by the caller under the mutex
  const size_t micro_batch_, prefetch_;
  StreamState state_;
  double wait_seconds_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;  // the rest: under the mutex
  bool busy_ = false, paused_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace espalier
