// How the processes that train one model talk: a value, a world of one unless a backend says otherwise. Whatever must
// be the same on every rank, or be added up over all of them, goes through it; in a world of one that does nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace at {
class Tensor;
}

namespace espalier {

enum class Reduce { sum, max };

// A group of processes. Calls are collective: every rank makes the same ones in the same order, from its training
// thread, with tensors of the same shape and type. Throws Error(internal) where the connection fails.
class CommBackend {
 public:
  virtual ~CommBackend() = default;
  virtual int64_t rank() const = 0;
  virtual int64_t world_size() const = 0;
  virtual void all_reduce(at::Tensor& tensor, Reduce op) = 0;  // in place
  // [world_size * n, ...] to the n rows of this rank, summed over all.
  virtual at::Tensor reduce_scatter(const at::Tensor& tensor) = 0;
  // [n, ...] to [world_size * n, ...], in the order of the ranks.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  virtual void broadcast(at::Tensor& tensor, int64_t root) = 0;  // in place
  virtual std::vector<std::string> all_gather(const std::string& bytes) = 0;
  virtual void barrier() = 0;
};

class Comm {
 public:
  Comm() = default;  // a world of one
  explicit Comm(std::shared_ptr<CommBackend> backend) : backend_(std::move(backend)) {}

  int64_t rank() const { return backend_ ? backend_->rank() : 0; }
  int64_t world_size() const { return backend_ ? backend_->world_size() : 1; }
  bool is_alone() const { return world_size() == 1; }
  // The one that writes checkpoints, metrics and the log.
  bool is_first() const { return rank() == 0; }

  // As in CommBackend.
  void all_reduce(at::Tensor& tensor, Reduce op = Reduce::sum) const;
  at::Tensor reduce_scatter(const at::Tensor& tensor) const;
  at::Tensor all_gather(const at::Tensor& tensor) const;
  void broadcast(at::Tensor& tensor, int64_t root = 0) const;
  void barrier() const;

  // Over all ranks, the same bits on each: added or compared in the order of the ranks.
  double sum(double value) const;
  int64_t sum(int64_t value) const;
  void sum(std::span<int64_t> values) const;
  double max(double value) const;
  bool any(bool value) const;

  // Every rank must come with the same bytes. Throws Error(internal) on all of them otherwise, with `what` and the
  // first rank that differs from rank 0. `bytes` is called where there is somebody to agree with.
  void agree(const char* what, const std::function<std::string()>& bytes) const;

  // Done by the first rank while the others wait. What it throws, all throw: an Error as it is, another exception as
  // Error(internal).
  void on_first(const std::function<void()>& work) const;

 private:
  std::shared_ptr<CommBackend> backend_;  // null: a world of one
};

}  // namespace espalier
