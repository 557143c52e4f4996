// A model as names and shapes, each parameter filled with one marker number. What growth plans are tested on.
#pragma once

#include <espalier/growth.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace espalier::sdk_test {

/// The sizes of the toy with `num_layers` layers; struct_size is set.
esp_dims toy_dims(std::int64_t num_layers);

/// Owns an esp_arch: untied, biased, LayerNorm. Not to be moved.
class ToyModel {
 public:
  explicit ToyModel(std::int64_t num_layers);
  ToyModel(const ToyModel&) = delete;
  ToyModel& operator=(const ToyModel&) = delete;

  const esp_arch* raw() const { return &table_; }
  std::size_t num_params() const { return infos_.size(); }
  const std::vector<esp_param_info>& infos() const { return infos_; }

  /// Marks every parameter of layer i with labels[i], and the others with -1.
  void label_layers(const std::vector<double>& labels);

  std::map<std::string, double> markers;  // by parameter name

 private:
  struct Text {
    std::string name, role;
    std::vector<std::int64_t> shape;
    std::vector<esp_str> axes;
  };

  void add(std::int32_t layer, const std::string& role, const std::string& leaf, std::vector<const char*> axes);

  std::deque<Text> texts_;  // a deque: views into it stay valid
  std::vector<esp_param_info> infos_;
  esp_arch table_{};
};

}  // namespace espalier::sdk_test
