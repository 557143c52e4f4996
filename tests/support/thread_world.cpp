#include "support/thread_world.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/error.h"

namespace espalier {
namespace {

struct Contribution {
  at::Tensor tensor;
  std::string bytes;
};
using Round = std::vector<Contribution>;  // one a rank

struct ConnectionLost : Error {
  ConnectionLost() : Error(ErrorCode::internal, "another rank has gone") {}
};

class Meeting {
 public:
  explicit Meeting(int64_t world_size) : world_size_(world_size), round_(static_cast<size_t>(world_size)) {}
  int64_t world_size() const { return world_size_; }

  // Gives this rank's part and gets those of all, once all have come.
  std::shared_ptr<const Round> exchange(int64_t rank, Contribution part) {
    std::unique_lock lock(mutex_);
    const int64_t generation = generation_;
    round_[static_cast<size_t>(rank)] = std::move(part);
    if (++arrived_ == world_size_) {
      result_ = std::make_shared<const Round>(std::move(round_));
      round_ = Round(static_cast<size_t>(world_size_));
      arrived_ = 0;
      ++generation_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return generation_ != generation || broken_; });
    if (generation_ == generation) throw ConnectionLost();
    return result_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    changed_.notify_all();
  }

 private:
  const int64_t world_size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Round round_;
  std::shared_ptr<const Round> result_;
  int64_t arrived_ = 0, generation_ = 0;
  bool broken_ = false;
};

class ThreadBackend final : public CommBackend {
 public:
  ThreadBackend(std::shared_ptr<Meeting> meeting, int64_t rank) : meeting_(std::move(meeting)), rank_(rank) {}
  int64_t rank() const override { return rank_; }
  int64_t world_size() const override { return meeting_->world_size(); }
  void all_reduce(at::Tensor& tensor, Reduce op) override {
    const c10::AutoGradMode guard(false);
    tensor.copy_(reduced(tensor, op));
  }
  at::Tensor reduce_scatter(const at::Tensor& tensor) override {
    return reduced(tensor, Reduce::sum).chunk(world_size(), 0)[static_cast<size_t>(rank_)].clone();
  }
  at::Tensor all_gather(const at::Tensor& tensor) override { return at::cat(tensors(tensor), 0); }
  void broadcast(at::Tensor& tensor, int64_t root) override {
    const c10::AutoGradMode guard(false);
    tensor.copy_(tensors(tensor)[static_cast<size_t>(root)]);
  }
  std::vector<std::string> all_gather(const std::string& bytes) override {
    std::vector<std::string> out;
    for (const auto& part : *meeting_->exchange(rank_, {{}, bytes})) out.push_back(part.bytes);
    return out;
  }
  void barrier() override { meeting_->exchange(rank_, {}); }

 private:
  std::vector<at::Tensor> tensors(const at::Tensor& tensor) {
    std::vector<at::Tensor> out;
    for (const auto& part : *meeting_->exchange(rank_, {tensor.detach().clone(), {}})) out.push_back(part.tensor);
    return out;
  }
  at::Tensor reduced(const at::Tensor& tensor, Reduce op) {
    const std::vector<at::Tensor> all = tensors(tensor);
    at::Tensor out = all.front().clone();
    for (size_t i = 1; i < all.size(); ++i) out = op == Reduce::sum ? out + all[i] : at::maximum(out, all[i]);
    return out;
  }

  std::shared_ptr<Meeting> meeting_;
  int64_t rank_;
};

}  // namespace

void run_ranks(int64_t world_size, const std::function<void(const Comm&)>& rank) {
  const auto meeting = std::make_shared<Meeting>(world_size);
  std::vector<std::exception_ptr> failures(static_cast<size_t>(world_size)), lost(static_cast<size_t>(world_size));
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < world_size; ++i)
    threads.emplace_back([&, i] {
      try {
        rank(Comm(std::make_shared<ThreadBackend>(meeting, i)));
      } catch (const ConnectionLost&) {
        lost[static_cast<size_t>(i)] = std::current_exception();
      } catch (...) {
        failures[static_cast<size_t>(i)] = std::current_exception();
        meeting->leave();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto* all : {&failures, &lost})
    for (const auto& failure : *all)
      if (failure) std::rethrow_exception(failure);
}

}  // namespace espalier
