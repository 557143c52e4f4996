#include "core/dist/comm.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/error.h"
#include "core/base/json.h"

namespace espalier {
namespace {

using nlohmann::json;

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class T>
T value_of(const std::string& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// The values of all ranks, in their order.
template <class T>
std::vector<T> gathered(CommBackend& backend, T value) {
  std::vector<T> out;
  for (const std::string& bytes : backend.all_gather(bytes_of(value))) out.push_back(value_of<T>(bytes));
  return out;
}

template <class T>
T sum_of(CommBackend* backend, T value) {
  if (backend == nullptr) return value;
  T total = 0;
  for (const T item : gathered(*backend, value)) total += item;
  return total;
}

std::string packed(const Error& error) {
  return json{
      {"code", error.exit_code()}, {"message", error.message()}, {"place", error.place()}, {"hint", error.hint()}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Error unpacked(const std::string& text) {
  const json error = own_json(text);
  return {static_cast<ErrorCode>(error.at("code").get<int>()), error.at("message"), error.at("place"),
          error.at("hint")};
}

}  // namespace

void Comm::all_reduce(at::Tensor& tensor, Reduce op) const {
  if (backend_) backend_->all_reduce(tensor, op);
}

at::Tensor Comm::reduce_scatter(const at::Tensor& tensor) const {
  return backend_ ? backend_->reduce_scatter(tensor) : tensor;
}

at::Tensor Comm::all_gather(const at::Tensor& tensor) const {
  return backend_ ? backend_->all_gather(tensor) : tensor;
}

void Comm::broadcast(at::Tensor& tensor, int64_t root) const {
  if (backend_) backend_->broadcast(tensor, root);
}

void Comm::barrier() const {
  if (backend_) backend_->barrier();
}

double Comm::sum(double value) const {
  return sum_of(backend_.get(), value);
}

int64_t Comm::sum(int64_t value) const {
  return sum_of(backend_.get(), value);
}

void Comm::sum(std::span<int64_t> values) const {
  for (int64_t& value : values) value = sum(value);
}

double Comm::max(double value) const {
  if (!backend_) return value;
  const std::vector<double> all = gathered(*backend_, value);
  return *std::max_element(all.begin(), all.end());
}

bool Comm::any(bool value) const {
  return backend_ ? sum(int64_t{value}) > 0 : value;
}

void Comm::agree(const char* what, const std::function<std::string()>& bytes) const {
  if (is_alone()) return;
  const std::vector<std::string> all = backend_->all_gather(bytes());
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all.front())
      throw Error(ErrorCode::internal, fmt::format("rank {} and rank 0 disagree on {}", rank, what), what,
                  "every rank must run the same program, plugins and configuration on the same data");
}

void Comm::on_first(const std::function<void()>& work) const {
  if (is_alone()) return work();
  std::string failure;
  if (is_first()) {
    try {
      work();
    } catch (const Error& error) {
      failure = packed(error);
    } catch (const std::exception& error) {
      failure = packed({ErrorCode::internal, error.what()});
    }
  }
  const std::string told = backend_->all_gather(failure).front();
  if (!told.empty()) throw unpacked(told);
}

}  // namespace espalier
