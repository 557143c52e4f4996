#include "core/data/difficulty/scorer_fit.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace espalier {
namespace {

// Parts fitted by several threads and merged in order by the one that calls run().
class PartQueue {
 public:
  PartQueue(DifficultyScorer& scorer, const std::vector<std::vector<DocRange>>& parts, const MakeFitRange& make_fit,
            size_t threads)
      : scorer_(scorer), parts_(parts), make_fit_(make_fit), threads_(threads), states_(parts.size()) {}

  void run() {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < threads_; ++t) threads.emplace_back([this] { work(); });
    merge();
    threads.clear();  // joins
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void work() noexcept {
    try {
      const FitRange fit = make_fit_();
      for (;;) {
        std::unique_ptr<DifficultyScorer> part_scorer;
        size_t part = 0;
        {
          std::unique_lock lock(mutex_);
          // Few fitted states wait at a time: they can be large.
          changed_.wait(lock, [&] { return error_ || next_ == parts_.size() || next_ <= merged_ + threads_; });
          if (error_ || next_ == parts_.size()) return;
          part = next_++;
          part_scorer = scorer_.another();
        }
        for (const auto& range : parts_[part]) fit(*part_scorer, range);
        std::string state = part_scorer->fit_state();
        const std::lock_guard lock(mutex_);
        states_[part] = std::move(state);
        changed_.notify_all();
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void merge() {
    try {
      for (size_t part = 0; part < parts_.size(); ++part) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return error_ || states_[part]; });
        if (error_) return;
        const std::string state = *std::move(states_[part]);
        scorer_.fit_merge(state);
        states_[part].reset();
        ++merged_;
        changed_.notify_all();
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void fail(std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    changed_.notify_all();
  }

  DifficultyScorer& scorer_;
  const std::vector<std::vector<DocRange>>& parts_;
  const MakeFitRange& make_fit_;
  const size_t threads_;
  std::mutex mutex_;  // guards the rest, and calls into scorer_
  std::condition_variable changed_;
  std::vector<std::optional<std::string>> states_;
  size_t next_ = 0, merged_ = 0;
  std::exception_ptr error_;
};

}  // namespace

std::vector<std::vector<DocRange>> fit_parts(const std::vector<DocRange>& ranges,
                                             const std::vector<const TokenShard*>& shards, uint64_t min_tokens) {
  constexpr uint64_t kMaxParts = 16;
  const auto tokens_of = [&](const DocRange& range) {
    const TokenShard& shard = *shards[range.shard];
    return shard.offset(range.last - 1) + shard.length(range.last - 1) - shard.offset(range.first);
  };
  uint64_t total = 0;
  for (const auto& range : ranges) total += tokens_of(range);
  const uint64_t wanted = std::max(min_tokens, total / kMaxParts + 1);
  std::vector<std::vector<DocRange>> parts;
  uint64_t size = wanted;
  for (const auto& range : ranges) {
    if (size >= wanted) {
      parts.emplace_back();
      size = 0;
    }
    parts.back().push_back(range);
    size += tokens_of(range);
  }
  return parts;
}

void fit_scorer(DifficultyScorer& scorer, const std::vector<std::vector<DocRange>>& parts, const MakeFitRange& make_fit,
                int64_t threads) {
  if (!scorer.mergeable() || parts.size() < 2) {
    const FitRange fit = make_fit();
    for (const auto& part : parts)
      for (const auto& range : part) fit(scorer, range);
  } else if (scorer.concurrent_parts()) {
    PartQueue(scorer, parts, make_fit, std::min(static_cast<size_t>(threads), parts.size())).run();
  } else {
    const FitRange fit = make_fit();
    for (const auto& part : parts) {
      const auto part_scorer = scorer.another();
      for (const auto& range : part) fit(*part_scorer, range);
      scorer.fit_merge(part_scorer->fit_state());
    }
  }
  scorer.fit_end();
}

}  // namespace espalier
