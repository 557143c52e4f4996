#include "sdk/fake_plan.h"

#include <espalier/cpp/text.hpp>

namespace espalier::sdk_test {

FakePlan::FakePlan(const ToyModel& from) : from_(from) {
  fill_table();
}

double FakePlan::marker(const std::string& new_param) const {
  return node(assignments_.at(new_param).value).marker.value();
}

std::string FakePlan::source(const std::string& new_param) const {
  const Node& value = node(assignments_.at(new_param).value);
  return value.op == "src" ? value.text : "";
}

esp_expr FakePlan::add(Node node) {
  for (const esp_expr input : node.inputs) {
    if (input == 0 || input > nodes_.size()) return 0;
  }
  nodes_.push_back(std::move(node));
  return static_cast<esp_expr>(nodes_.size());
}

void FakePlan::fill_table() {
  table_.struct_size = sizeof(esp_plan);
  table_.impl = this;
  table_.src = [](void* impl, esp_str name, std::uint32_t what) -> esp_expr {
    const auto found = of(impl).from_.markers.find(std::string(sdk::view(name)));
    if (found == of(impl).from_.markers.end()) return 0;
    return of(impl).add({"src", found->first, {}, {what}, {}, found->second});
  };
  table_.full = [](void* impl, std::int32_t ndim, const std::int64_t* shape, double value) {
    return of(impl).add({"full", "", {}, {shape, shape + ndim}, {value}, value});
  };
  table_.normal = [](void* impl, std::int32_t ndim, const std::int64_t* shape, double std, esp_str purpose) {
    return of(impl).add({"normal", std::string(sdk::view(purpose)), {}, {shape, shape + ndim}, {std}, {}});
  };
  table_.data = [](void* impl, std::int32_t ndim, const std::int64_t* shape, const double* values) {
    std::int64_t count = 1;
    for (std::int32_t i = 0; i < ndim; ++i) count *= shape[i];
    return of(impl).add({"data", "", {}, {shape, shape + ndim}, {values, values + count}, {}});
  };
  table_.lincomb = [](void* impl, std::uint32_t n, const esp_expr* terms, const double* coefs) {
    double sum = 0;
    for (std::uint32_t i = 0; i < n; ++i) sum += coefs[i] * of(impl).node(terms[i]).marker.value_or(0);
    return of(impl).add({"lincomb", "", {terms, terms + n}, {}, {coefs, coefs + n}, sum});
  };
  table_.wsum = [](void* impl, esp_expr weights, std::uint32_t n, const esp_expr* terms) {
    Node node{"wsum", "", {weights}, {}, {}, {}};
    node.inputs.insert(node.inputs.end(), terms, terms + n);
    return of(impl).add(std::move(node));
  };
  table_.matmul = [](void* impl, esp_expr a, esp_expr b, std::int32_t transpose_a, std::int32_t transpose_b) {
    return of(impl).add({"matmul", "", {a, b}, {transpose_a, transpose_b}, {}, {}});
  };
  table_.mul = [](void* impl, esp_expr a, esp_expr b) { return of(impl).add({"mul", "", {a, b}, {}, {}, {}}); };
  table_.gather = [](void* impl, esp_expr a, std::int32_t dim, const std::int64_t* index, std::uint64_t n) {
    Node node{"gather", "", {a}, {dim}, {}, {}};
    node.ints.insert(node.ints.end(), index, index + n);
    return of(impl).add(std::move(node));
  };
  table_.slice = [](void* impl, esp_expr a, std::int32_t dim, std::int64_t begin, std::int64_t end) {
    return of(impl).add({"slice", "", {a}, {dim, begin, end}, {}, {}});
  };
  table_.concat = [](void* impl, std::int32_t dim, std::uint32_t n, const esp_expr* parts) {
    return of(impl).add({"concat", "", {parts, parts + n}, {dim}, {}, {}});
  };
  table_.permute = [](void* impl, esp_expr a, std::int32_t ndim, const std::int32_t* dims) {
    return of(impl).add({"permute", "", {a}, {dims, dims + ndim}, {}, {}});
  };
  table_.reshape = [](void* impl, esp_expr a, std::int32_t ndim, const std::int64_t* shape) {
    return of(impl).add({"reshape", "", {a}, {shape, shape + ndim}, {}, {}});
  };
  table_.learned = [](void* impl, esp_str name, esp_expr init) {
    return of(impl).add({"learned", std::string(sdk::view(name)), {init}, {}, {}, {}});
  };
  table_.assign = [](void* impl, esp_str name, esp_expr value, std::uint32_t moments) -> esp_status {
    Assignment assignment;
    assignment.value = value;
    assignment.moments = moments;
    const bool fresh = of(impl).assignments_.emplace(std::string(sdk::view(name)), assignment).second;
    return fresh ? ESP_OK : ESP_INVALID_ARGUMENT;
  };
  table_.assign_moment = [](void* impl, esp_str name, std::uint32_t what, esp_expr value) -> esp_status {
    of(impl).assignments_[std::string(sdk::view(name))].custom[what] = value;
    return ESP_OK;
  };
  table_.learn = [](void* impl, const esp_learning* learning) -> esp_status {
    of(impl).learning_ = *learning;
    return ESP_OK;
  };
  table_.expect_preserving = [](void* impl, double tol) -> esp_status {
    of(impl).preserving_ = tol;
    return ESP_OK;
  };
}

}  // namespace espalier::sdk_test
