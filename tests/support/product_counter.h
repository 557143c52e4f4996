// Counts the matrix products that ATen runs while it lives: multiply-adds times two, on every thread. One at a time.
#pragma once

#include <ATen/core/TensorBody.h>
#include <ATen/record_function.h>

#include <map>
#include <memory>
#include <string>

namespace espalier::test {

class ProductCounter {
 public:
  ProductCounter()
      : handle_(at::addGlobalCallback(
            at::RecordFunctionCallback(count).needsInputs(true).scopes({at::RecordScope::FUNCTION}))) {
    counted_ = 0;
  }
  ~ProductCounter() { at::removeCallback(handle_); }
  ProductCounter(const ProductCounter&) = delete;
  ProductCounter& operator=(const ProductCounter&) = delete;
  double flops() const { return counted_; }

 private:
  // The products that everything else is made of, with the position of their first matrix.
  static std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& op) {
    static const std::map<std::string, size_t> first_matrix{
        {"aten::mm", 0}, {"aten::bmm", 0}, {"aten::addmm", 1}, {"aten::baddbmm", 1}};
    const auto found = first_matrix.find(op.name());
    if (found == first_matrix.end()) return nullptr;
    const auto inputs = op.inputs();
    const at::Tensor a = inputs[found->second].toTensor(), b = inputs[found->second + 1].toTensor();
    counted_ += 2.0 * static_cast<double>(a.numel()) * static_cast<double>(b.size(-1));
    return nullptr;
  }

  inline static double counted_ = 0;  // the callback has no state of its own
  at::CallbackHandle handle_;
};

}  // namespace espalier::test
