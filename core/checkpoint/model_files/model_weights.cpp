#include "core/checkpoint/model_files/model_weights.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/text.h"
#include "core/checkpoint/model_files/weight_index.h"

namespace espalier {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr auto kCode = ErrorCode::checkpoint;

[[noreturn]] void no_weights(const fs::path& dir) {
  std::string hint = "copy the model with its weights";
  for (const char* other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"})
    if (fs::exists(dir / other))
      hint = fmt::format("it has {}, which is not read: save the model with transformers' save_pretrained", other);
  throw Error(kCode, fmt::format("holds neither {} nor {}", kSingle, kIndex), dir.string(), hint);
}

// Which files hold the weights of a folder.
std::vector<fs::path> weight_files(const fs::path& dir, std::map<std::string, std::string>& index) {
  if (fs::exists(dir / kSingle)) return {dir / kSingle};
  if (!fs::exists(dir / kIndex)) no_weights(dir);
  index = read_weight_index(read_file(dir / kIndex, kCode), (dir / kIndex).string());
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    if (!fs::exists(dir / name))
      throw Error(kCode, fmt::format("lists the file {}, which is missing", valid_utf8(name)), (dir / kIndex).string(),
                  "copy or download all files of the model");
    files.push_back(dir / name);
  }
  return files;
}

}  // namespace

ModelWeights::ModelWeights(const fs::path& dir) : dir_(dir), main_(dir / kSingle) {
  std::map<std::string, std::string> index;
  for (const fs::path& path : weight_files(dir, index)) files_.emplace_back(path);
  for (size_t i = 0; i < files_.size(); ++i)
    for (const TensorEntry& entry : files_[i].entries())
      if (!tensors_.emplace(entry.name, Where{i, &entry}).second)
        throw Error(kCode,
                    fmt::format("holds the tensor '{}', and so does another of the files", valid_utf8(entry.name)),
                    files_[i].path().string());
  if (index.empty()) return;
  main_ = dir / kIndex;
  for (const auto& [tensor, file] : index) {
    const auto it = tensors_.find(tensor);
    if (it == tensors_.end() || files_[it->second.file].path() != dir / file)
      throw Error(kCode,
                  fmt::format("says that '{}' lies in {}, but it does not", valid_utf8(tensor), valid_utf8(file)),
                  main_.string(), "copy or download all files of the model again");
  }
}

at::Tensor ModelWeights::read(const std::string& name) const {
  const Where& where = tensors_.at(name);
  const at::Tensor tensor = files_[where.file].read(*where.entry);
  if (!tensor.is_floating_point())
    throw Error(kCode,
                fmt::format("'{}' is of type {}: the weights are quantised", valid_utf8(name), where.entry->dtype),
                place_of(name), "use a copy of the model in float32, bfloat16 or float16");
  return tensor.to(at::kFloat);
}

std::vector<std::string> ModelWeights::names() const {
  std::vector<std::string> out;
  for (const auto& [name, where] : tensors_) out.push_back(name);
  return out;
}

std::vector<fs::path> ModelWeights::files() const {
  std::vector<fs::path> out;
  for (const SafetensorsFile& file : files_) out.push_back(file.path());
  return out;
}

std::string ModelWeights::place_of(const std::string& name) const {
  const auto it = tensors_.find(name);
  return (it == tensors_.end() ? main_ : files_[it->second.file].path()).string();
}

std::string weights_sha256(const fs::path& dir) {
  std::map<std::string, std::string> index;
  const auto files = weight_files(dir, index);
  if (files.size() == 1) return sha256_file(files.front(), kCode);
  std::string all;
  for (const fs::path& file : files) all += sha256_file(file, kCode);
  return sha256_bytes(all);
}

}  // namespace espalier
