// RaPTr: the full model from the start; each step trains a random sub-network, larger from stage to stage.
#include <espalier/recipes/subnetwork.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Raptr final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Raptr>& about) {
    about.id("org.espalier.growth.raptr").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("trains random sub-networks of the full model, larger from stage to stage");
    about.url("https://arxiv.org/abs/2402.05913");
    about.citation("Panigrahi et al., Efficient Stagewise Pretraining via Progressive Subnetworks, ICLR 2025");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("path_lengths", &Raptr::path_lengths_, "mean number of layers run, at each stage before the full one")
        .required()
        .min(0)
        .unit("layers")
        .tunable();
    about.param("fixed_first", &Raptr::fixed_first_, "first layers that always run").min(0).unit("layers");
    about.param("fixed_last", &Raptr::fixed_last_, "last layers that always run").min(0).unit("layers");
    about
        .param("scaling", &Raptr::scaling_,
               "factor on the branches of layers that run: 1; 1/p; 1/sqrt(p); sqrt(layers / layers run)")
        .choices({"none", "inverse", "sqrt", "sqrt-path"});
    about.param("warmup", &Raptr::warmup_, "steps of the full model before the first sub-network");
    about.param("mlp_fraction", &Raptr::mlp_fraction_, "share of hidden units run, at each stage; empty: all")
        .above(0)
        .max(1);
    about.param("head_fraction", &Raptr::head_fraction_, "share of KV groups of heads run, at each stage; empty: all")
        .above(0)
        .max(1);
    about.param("heads_per_group", &Raptr::heads_per_group_, "with head_fraction: num_heads / num_kv_heads").min(1);
    about.param("width_scaling", &Raptr::width_scaling_, "factor on heads and units that run: 1, 1/f or 1/sqrt(f)")
        .choices({"none", "inverse", "sqrt"});
  }

  void check(sdk::Call&) override {
    if (path_lengths_.empty()) throw sdk::invalid("path_lengths is empty: that is the full model throughout");
    check_list("path_lengths", path_lengths_);
    check_list("mlp_fraction", mlp_fraction_);
    check_list("head_fraction", head_fraction_);
    if (path_lengths_.front() < static_cast<double>(num_fixed())) {
      throw sdk::invalid("path length ", sdk::toml_literal(path_lengths_.front()), " is shorter than the ", num_fixed(),
                         " fixed layers");
    }
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    const std::int64_t num_layers = final_dims.num_layers;
    if (num_fixed() > num_layers) {
      throw sdk::invalid(num_fixed(), " fixed layers in a model of ", num_layers);
    }
    if (path_lengths_.back() > static_cast<double>(num_layers)) {
      throw sdk::invalid("path length ", sdk::toml_literal(path_lengths_.back()), " in a model of ", num_layers,
                         " layers");
    }
    if (!head_fraction_.empty() && final_dims.num_heads != heads_per_group_ * final_dims.num_kv_heads) {
      throw sdk::invalid("heads_per_group is ", heads_per_group_, ", the model has ", final_dims.num_heads,
                         " heads over ", final_dims.num_kv_heads, " KV heads");
    }
    return static_cast<std::uint32_t>(path_lengths_.size()) + 1;
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t) override { return final_dims; }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    sdk::assign_layers(plan, from, to, sdk::unchanged_layers(from.num_layers()), sdk::Moments::kMap);
  }

  std::uint32_t step_shape(sdk::Call& call, const sdk::Progress& at, sdk::StepShape& shape) override {
    if (at.step < static_cast<std::uint64_t>(warmup_.steps) || at.stage >= path_lengths_.size()) return 0;
    const double p = keep_probability(path_lengths_[at.stage], shape.num_layers());
    std::vector<double> keep(shape.num_layers(), p);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (is_fixed(i, keep.size())) keep[i] = 1;
    }
    const std::vector<std::uint8_t> runs = sdk::draw_layers(call, at, keep, scaling_, shape);
    if (scaling_ == "sqrt-path") scale_by_path(runs, shape);
    if (!mlp_fraction_.empty()) gate_units(call, at, runs, shape);
    if (!head_fraction_.empty()) gate_heads(call, at, runs, shape);
    return 0;
  }

 private:
  std::int64_t num_fixed() const { return fixed_first_ + fixed_last_; }

  bool is_fixed(std::size_t layer, std::size_t num_layers) const {
    const auto index = static_cast<std::int64_t>(layer);
    return index < fixed_first_ || index >= static_cast<std::int64_t>(num_layers) - fixed_last_;
  }

  /// p = (q - |I|) / (L - |I|): then a step runs q layers in the mean.
  double keep_probability(double path_length, std::uint32_t num_layers) const {
    const double fixed = static_cast<double>(num_fixed()), all = num_layers;
    return all > fixed ? (path_length - fixed) / (all - fixed) : 1;
  }

  void check_list(const char* name, const std::vector<double>& values) const {
    if (!values.empty() && values.size() != path_lengths_.size()) {
      throw sdk::invalid(name, " has ", values.size(), " numbers, path_lengths has ", path_lengths_.size());
    }
    for (std::size_t i = 1; i < values.size(); ++i) {
      if (values[i] < values[i - 1])
        throw sdk::invalid(name, " must not fall: ", sdk::toml_literal(values[i]), " follows ",
                           sdk::toml_literal(values[i - 1]));
    }
  }

  static void scale_by_path(const std::vector<std::uint8_t>& runs, sdk::StepShape& shape) {
    const auto path = static_cast<double>(std::count(runs.begin(), runs.end(), 1));
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
      if (runs[i] != 0) shape.scale(i, static_cast<float>(std::sqrt(static_cast<double>(runs.size()) / path)));
    }
  }

  /// How many of `count` parts a share of them is: at least one.
  static std::size_t share_of(double fraction, std::uint32_t count) {
    return static_cast<std::size_t>(std::max<std::int64_t>(1, std::llround(fraction * count)));
  }

  void gate_units(sdk::Call& call, const sdk::Progress& at, const std::vector<std::uint8_t>& runs,
                  sdk::StepShape& shape) const {
    const std::uint32_t count = shape.d_ff();
    if (count == 0) throw sdk::unimplemented("mlp_fraction: this host cannot leave out hidden units");
    const std::size_t kept = share_of(mlp_fraction_[at.stage], count);
    const std::vector<std::uint8_t> units = sdk::draw_subsets(call, at, "units", runs.size(), count, kept);
    const double factor = sdk::kept_factor(width_scaling_, static_cast<double>(kept) / count);
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
      for (std::uint32_t unit = 0; runs[i] != 0 && unit < count; ++unit) {
        shape.gate_unit(i, unit, units[i * count + unit] != 0 ? static_cast<float>(factor) : 0);
      }
    }
  }

  /// Whole groups, since the heads of a group share their keys and values.
  void gate_heads(sdk::Call& call, const sdk::Progress& at, const std::vector<std::uint8_t>& runs,
                  sdk::StepShape& shape) const {
    if (shape.num_heads() == 0) throw sdk::unimplemented("head_fraction: this host cannot leave out heads");
    const auto group_size = static_cast<std::uint32_t>(heads_per_group_);
    const std::uint32_t count = shape.num_heads() / group_size;
    const std::size_t kept = share_of(head_fraction_[at.stage], count);
    const std::vector<std::uint8_t> groups = sdk::draw_subsets(call, at, "heads", runs.size(), count, kept);
    const double factor = sdk::kept_factor(width_scaling_, static_cast<double>(kept) / count);
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
      for (std::uint32_t head = 0; runs[i] != 0 && head < shape.num_heads(); ++head) {
        shape.gate_head(i, head, groups[i * count + head / group_size] != 0 ? static_cast<float>(factor) : 0);
      }
    }
  }

  std::vector<double> path_lengths_;
  std::int64_t fixed_first_ = 1, fixed_last_ = 1;
  std::string scaling_ = "sqrt";
  sdk::Duration warmup_{"0st"};
  std::vector<double> mlp_fraction_, head_fraction_;
  std::int64_t heads_per_group_ = 1;
  std::string width_scaling_ = "none";
};

ESPALIER_PLUGIN(Raptr);
