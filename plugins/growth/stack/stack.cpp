// Stacking: grow depth by repeating layers: the last block, the whole stack, each layer in place, or a part of the
// base.
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Stack final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Stack>& about) {
    about.id("org.espalier.growth.stack").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary(
        "repeats layers: the last block (gradual stacking), the whole stack (StackBERT, G_stack), each layer");
    about.url("https://arxiv.org/abs/2405.15319");
    about.citation(
        "Gong et al., Efficient Training of BERT by Progressively Stacking, ICML 2019; "
        "Du et al., Stacking Your Transformers, NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("block_size", &Stack::block_size_, "layers of the first stage")
        .required()
        .min(1)
        .unit("layers")
        .tunable();
    about
        .param("mode", &Stack::mode_,
               "last: the last block_size layers again on top; all: the whole stack; interleave: each layer in place; "
               "partial: a part of the base, in one growth")
        .choices({"last", "all", "interleave", "partial"});
    about.param("factor", &Stack::factor_, "modes all and interleave: each growth multiplies the depth by this")
        .min(2)
        .tunable();
    about.param("part", &Stack::part_, "mode partial: which layers of the base are repeated")
        .choices({"front", "middle", "back"});
    about.param("part_size", &Stack::part_size_, "mode partial: how many layers that part has").min(1).unit("layers");
    about
        .param("moments", &Stack::moments_,
               "optimizer moments of the copies: those of their originals, or fresh; reset: fresh for all parameters")
        .choices({"copy", "zero", "reset"});
    about.param("noise", &Stack::noise_, "share a of noise in the matrices of the copies: (1 - a) W + a eps")
        .min(0)
        .max(1)
        .tunable();
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    if (mode_ == "partial" && part_size_ > block_size_) {
      throw sdk::invalid("part_size ", part_size_, " is larger than block_size ", block_size_);
    }
    std::uint32_t stages = 1;
    std::int64_t depth = block_size_;
    for (; depth < final_dims.num_layers; depth = next_depth(depth, final_dims.num_layers)) ++stages;
    const bool fits = mode_ != "partial" || (depth - block_size_) % part_size_ == 0;
    if (depth != final_dims.num_layers || !fits) {
      throw sdk::invalid("num_layers ", final_dims.num_layers, " cannot be reached from block_size ", block_size_,
                         multiplies() ? sdk::cat(" by multiplying with ", factor_)
                                      : sdk::cat(" by adding ", mode_ == "partial" ? part_size_ : block_size_));
    }
    return stages;
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    dims.num_layers = block_size_;
    for (std::uint32_t i = 0; i < stage && dims.num_layers < final_dims.num_layers; ++i) {
      dims.num_layers = next_depth(dims.num_layers, final_dims.num_layers);
    }
    return dims;
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const std::vector<sdk::LayerSource> layers = sources(from.num_layers(), to.num_layers());
    sdk::check_depth_alone(from, to, layers);
    for (const sdk::Param& param : to.params()) {
      const sdk::LayerSource source = sdk::source_of(layers, param);
      const sdk::Param& old = from.find_like(param, source.old_layer);
      if (source.is_copy && noise_ > 0 && param.shape().size() >= 2) {
        assign_noisy(plan, param, old, to.dims());
      } else {
        const bool fresh = moments_ == "reset" || (source.is_copy && moments_ == "zero");
        plan.assign(param, plan.src(old), fresh ? sdk::Moments::kZero : sdk::Moments::kMap);
      }
    }
  }

 private:
  bool multiplies() const { return mode_ == "all" || mode_ == "interleave"; }

  std::int64_t next_depth(std::int64_t depth, std::int64_t final_depth) const {
    if (mode_ == "partial") return final_depth;
    return multiplies() ? depth * factor_ : depth + block_size_;
  }

  std::vector<sdk::LayerSource> sources(std::int64_t depth, std::int64_t larger_depth) const {
    if (mode_ == "interleave") {
      std::vector<sdk::LayerSource> layers;
      for (std::int64_t i = 0; i < depth * factor_; ++i) {
        layers.push_back({static_cast<std::int32_t>(i / factor_), i % factor_ != 0});
      }
      return layers;
    }
    std::int64_t begin = 0, end = depth;
    if (mode_ == "last") begin = depth - block_size_;
    if (mode_ == "partial") begin = part_begin(depth), end = begin + part_size_;
    if (begin < 0) throw sdk::invalid("the model has ", depth, " layers, fewer than the ", end - begin, " to repeat");
    // Mode all gives its own depth, whatever is asked for: plan() refuses another one.
    const std::int64_t target = mode_ == "partial" ? larger_depth : next_depth(depth, larger_depth);
    std::vector<sdk::LayerSource> layers = sdk::unchanged_layers(depth);
    const std::vector<sdk::LayerSource> copies = sdk::copies_of(begin, end);
    while (static_cast<std::int64_t>(layers.size()) < target) {
      layers.insert(layers.begin() + end, copies.begin(), copies.end());
    }
    return layers;
  }

  /// The middle part has the larger rest below it.
  std::int64_t part_begin(std::int64_t depth) const {
    if (part_ == "front") return 0;
    return part_ == "back" ? depth - part_size_ : (depth - part_size_ + 1) / 2;
  }

  /// (1 - a) W + a eps with the eps of G_stack (Du et al. 2024): variance 1/(d l^2) for the matrices that write to the
  /// residual stream, 2/(5d) for the others. The moments are those of W, not scaled with it: the gradient is not
  /// either.
  void assign_noisy(sdk::Plan& plan, const sdk::Param& param, const sdk::Param& old, const sdk::Dims& to) const {
    const double width = static_cast<double>(to.d_model), depth = static_cast<double>(to.num_layers);
    const double std = sdk::writes_residual(param) ? 1 / (std::sqrt(width) * depth) : std::sqrt(2 / (5 * width));
    const sdk::Expr value = plan.lincomb({plan.src(old), plan.normal(param.shape(), std, param.name())},
                                         std::vector<double>{1 - noise_, noise_});
    plan.assign(param, value, moments_ == "copy" ? sdk::Moments::kCustom : sdk::Moments::kZero);
    if (moments_ != "copy") return;
    plan.assign_moment(param, sdk::What::kExpAvg, plan.src(old, sdk::What::kExpAvg));
    plan.assign_moment(param, sdk::What::kExpAvgSq, plan.src(old, sdk::What::kExpAvgSq));
  }

  std::int64_t block_size_ = 1;
  std::int64_t factor_ = 2;
  std::int64_t part_size_ = 1;
  std::string mode_ = "last";
  std::string part_ = "back";
  std::string moments_ = "copy";
  double noise_ = 0;
};

ESPALIER_PLUGIN(Stack);
