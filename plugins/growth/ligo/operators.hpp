// LiGO's growth operators as expressions: width operators [I; R], of which only R is learned, and depth coefficients.
#pragma once

#include <espalier/sdk.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace ligo {

namespace sdk = espalier::sdk;

struct OperatorOptions {
  std::string depth_init = "stack", width_init = "average";
  double depth_noise = 0.03;
  bool learned = true;
};

/// How the rows of a width operator start.
enum class Start { kAsChosen, kZero, kAverage };

/// Makes each operator once and hands it out by name; operators of one name are tied. One plan's worth.
class Operators {
 public:
  Operators(sdk::Call& call, sdk::Plan& plan, OperatorOptions options)
      : rng_(call.rng()), plan_(plan), options_(std::move(options)) {}

  /// Rows of the operator that come after the identity: R [num_new - num_old, num_old].
  const sdk::Expr& width(const std::string& name, std::int64_t num_old, std::int64_t num_new, Start start) {
    const auto found = made_.find(name);
    if (found != made_.end()) return found->second;
    return made_.emplace(name, leaf(name, width_start(name, num_new - num_old, num_old, start))).first->second;
  }

  /// Coefficients of the old layers [num_new, num_old], for one kind of parameter.
  const sdk::Expr& depth(const std::string& name, std::int64_t num_old, std::int64_t num_new) {
    const auto found = made_.find(name);
    if (found != made_.end()) return found->second;
    return made_.emplace(name, leaf(name, depth_start(name, num_new, num_old))).first->second;
  }

  /// Was any operator needed?
  bool any() const { return !made_.empty(); }

 private:
  sdk::Expr leaf(const std::string& name, sdk::Expr start) const {
    return options_.learned ? plan_.learned(name, start) : start;
  }

  /// "average": rows uniform in [0, 1) and normalised to sum 1, convex averages of old units. "select": each new unit
  /// is a copy of a random old one. "normal": N(0, 1 / num_new) (Du et al. 2024, G_learn).
  sdk::Expr width_start(const std::string& name, std::int64_t rows, std::int64_t columns, Start start) const {
    const std::vector<std::int64_t> shape = {rows, columns};
    if (start == Start::kZero) return plan_.full(shape, 0.0);
    if (options_.width_init == "normal") {
      return plan_.normal(shape, 1 / std::sqrt(static_cast<double>(rows + columns)), "ligo/" + name);
    }
    const std::size_t width = static_cast<std::size_t>(columns);
    std::vector<double> values(static_cast<std::size_t>(rows) * width, 0.0);
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      double* out = values.data() + row * width;
      if (options_.width_init == "select") {
        const double draw = rng_.uniform(("select/" + name).c_str(), row, 1)[0];
        out[static_cast<std::size_t>(draw * static_cast<double>(columns))] = 1;
        continue;
      }
      const std::vector<double> draws = rng_.uniform(("average/" + name).c_str(), row, width);
      double sum = 0;
      for (const double draw : draws) sum += draw;
      for (std::size_t i = 0; i < width; ++i) out[i] = draws[i] / sum;
    }
    return plan_.data(shape, values);
  }

  /// 1 at l mod L1 ("stack") or floor(l L1 / L2) ("interleave") and noise in [0, depth_noise) elsewhere, each row
  /// normalised to sum 1, as in the authors' code.
  sdk::Expr depth_start(const std::string& name, std::int64_t num_new, std::int64_t num_old) const {
    const std::size_t width = static_cast<std::size_t>(num_old);
    std::vector<double> values;
    for (std::int64_t layer = 0; layer < num_new; ++layer) {
      std::vector<double> row = rng_.uniform(("depth/" + name).c_str(), static_cast<std::uint64_t>(layer), width);
      for (double& value : row) value *= options_.depth_noise;
      const std::int64_t from = options_.depth_init == "stack" ? layer % num_old : layer * num_old / num_new;
      row[static_cast<std::size_t>(from)] = 1;
      double sum = 0;
      for (const double value : row) sum += value;
      for (const double value : row) values.push_back(value / sum);
    }
    return plan_.data({num_new, num_old}, values);
  }

  sdk::Rng rng_;
  sdk::Plan& plan_;
  OperatorOptions options_;
  std::map<std::string, sdk::Expr> made_;
};

}  // namespace ligo
