// What PyTorch's Python says, from golden.json; make_golden.py wrote it and tells how.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace espalier::golden {

inline const nlohmann::json& values() {
  static const nlohmann::json all = [] {
    std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "golden.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

// `formula` of make_golden.py, which stands for weights and gradients that are not stored. Both sides round it to fp32,
// so that fp32 and fp64 start from the same numbers. fp64.
inline at::Tensor formula(const std::string& name, const std::vector<int64_t>& shape, double scale) {
  int64_t offset = 0;
  for (size_t i = 0; i < name.size(); ++i) offset += static_cast<int64_t>(i + 1) * static_cast<unsigned char>(name[i]);
  const at::Tensor out = at::empty(shape, at::kDouble);
  double* numbers = out.mutable_data_ptr<double>();
  for (int64_t i = 0; i < out.numel(); ++i)
    numbers[i] = (static_cast<double>((31 * i * i + 7919 * i + 104729 * offset) % 10007) / 10007 - 0.5) * scale;
  return out;
}

inline at::Tensor fp32_exact(const at::Tensor& wide) {
  return wide.to(at::kFloat).to(at::kDouble);
}

inline at::Tensor tensor(const nlohmann::json& numbers) {
  return at::tensor(numbers.get<std::vector<double>>(), at::kDouble);
}

inline double max_diff(const at::Tensor& ours, const at::Tensor& theirs) {
  return (ours.detach().flatten().to(at::kDouble) - theirs).abs().max().item<double>();
}

}  // namespace espalier::golden
