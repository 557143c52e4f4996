// The weights of a model folder: model.safetensors, or the files that model.safetensors.index.json lists.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/checkpoint/model_files/safetensors.h"

namespace espalier {

class ModelWeights {
 public:
  // Opens the files and checks their headers; reads no tensor. Throws Error(checkpoint).
  explicit ModelWeights(const fs::path& dir);

  size_t size() const { return tensors_.size(); }
  bool contains(const std::string& name) const { return tensors_.count(name) != 0; }
  // In fp32 on the CPU. Throws Error(checkpoint) for a tensor that is not of a floating-point type.
  at::Tensor read(const std::string& name) const;
  std::vector<std::string> names() const;
  // Files that hold the weights, in order.
  std::vector<fs::path> files() const;
  // The file of a tensor, or the folder's weights where it is in none.
  std::string place_of(const std::string& name) const;

 private:
  struct Where {
    size_t file;
    const TensorEntry* entry;
  };
  fs::path dir_, main_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Where> tensors_;
};

// SHA-256 of the weights: of model.safetensors, or of the hashes of the files in order.
std::string weights_sha256(const fs::path& dir);

}  // namespace espalier
