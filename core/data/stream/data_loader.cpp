#include "core/data/stream/data_loader.h"

#include <cassert>
#include <chrono>
#include <utility>

namespace espalier {

DataLoader::DataLoader(TokenStream stream, int64_t micro_batch, int64_t prefetch)
    : stream_(std::move(stream)),
      micro_batch_(static_cast<size_t>(micro_batch)),
      prefetch_(static_cast<size_t>(prefetch)),
      state_(stream_.state()) {
  assert(micro_batch > 0 && prefetch > 0);
  thread_ = std::thread([this] { work(); });
}

DataLoader::~DataLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool DataLoader::next(TokenBatch& batch) {
  std::unique_lock lock(mutex_);
  if (ready_.empty()) {
    const auto begin = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return !ready_.empty(); });
    wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  Item& item = ready_.front();
  // An end or an error stays in the queue: asking again gives the same answer.
  if (item.error) std::rethrow_exception(item.error);
  if (item.end) return false;
  std::swap(batch, item.batch);
  state_ = std::move(item.after);
  ready_.pop_front();
  changed_.notify_all();
  return true;
}

void DataLoader::set_weights(const MixtureWeights& weights) {
  if (weights == state_.weights) return;
  rewind([&] { stream_.set_weights(weights); });
}

void DataLoader::restore(const StreamState& state) {
  rewind([&] { stream_.restore(state); });
}

template <class Change>
void DataLoader::rewind(Change change) {
  std::unique_lock lock(mutex_);
  paused_ = true;
  changed_.wait(lock, [&] { return !busy_; });
  ready_.clear();
  stream_.restore(state_);
  std::exception_ptr error;
  try {
    change();
  } catch (...) {
    error = std::current_exception();
    stream_.restore(state_);
  }
  state_ = stream_.state();
  paused_ = false;
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
}

double DataLoader::take_wait_seconds() {
  return std::exchange(wait_seconds_, 0.0);
}

DataLoader::Item DataLoader::make_item() {
  Item item;
  try {
    item.batch.tokens.resize(micro_batch_ * (static_cast<size_t>(stream_.seq_len()) + 1));
    item.batch.rows.resize(micro_batch_);
    item.end = !stream_.fill(item.batch.tokens, item.batch.rows);
  } catch (...) {
    item.error = std::current_exception();
  }
  item.after = stream_.state();
  return item;
}

void DataLoader::work() {
  std::unique_lock lock(mutex_);
  const auto may_work = [&] {
    const bool over = !ready_.empty() && (ready_.back().end || ready_.back().error);
    return !paused_ && !over && ready_.size() < prefetch_;
  };
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || may_work(); });
    if (stopping_) return;
    busy_ = true;
    lock.unlock();
    Item item = make_item();
    lock.lock();
    busy_ = false;
    ready_.push_back(std::move(item));
    changed_.notify_all();
  }
}

}  // namespace espalier
