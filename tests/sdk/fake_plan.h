// Records a growth plan and evaluates it on marker weights: a parameter filled with one number stays one number under
// src, full and lincomb. Other operations are recorded only.
#pragma once

#include <espalier/growth.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sdk/toy_model.h"

namespace espalier::sdk_test {

/// Owns an esp_plan over the parameters of `from`. It refuses unknown parameters and double assignments.
class FakePlan {
 public:
  struct Node {
    std::string op, text;
    std::vector<esp_expr> inputs;
    std::vector<std::int64_t> ints;
    std::vector<double> numbers;
    std::optional<double> marker;
  };
  struct Assignment {
    esp_expr value = 0;
    std::uint32_t moments = 0;
    std::map<std::uint32_t, esp_expr> custom;  // by ESP_WHAT_*
  };

  explicit FakePlan(const ToyModel& from);
  FakePlan(const FakePlan&) = delete;
  FakePlan& operator=(const FakePlan&) = delete;

  const esp_plan* raw() const { return &table_; }
  esp_plan& table() { return table_; }
  const Node& node(esp_expr id) const { return nodes_.at(id - 1); }
  const Node& last_node() const { return nodes_.back(); }
  const std::map<std::string, Assignment>& assignments() const { return assignments_; }
  const std::optional<double>& preserving() const { return preserving_; }
  const std::optional<esp_learning>& learning() const { return learning_; }

  /// The marker of an assigned parameter; throws where the plan gives none.
  double marker(const std::string& new_param) const;
  /// The parameter of the old model that `new_param` is an exact copy of; empty where it is not one.
  std::string source(const std::string& new_param) const;

 private:
  esp_expr add(Node node);
  static FakePlan& of(void* impl) { return *static_cast<FakePlan*>(impl); }
  void fill_table();

  const ToyModel& from_;
  std::vector<Node> nodes_;
  std::map<std::string, Assignment> assignments_;
  std::optional<double> preserving_;
  std::optional<esp_learning> learning_;
  esp_plan table_{};
};

}  // namespace espalier::sdk_test
