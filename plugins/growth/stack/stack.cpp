// Stacking: grow depth by putting copies of layers on top; the last block (gradual stacking) or the whole stack.
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Stack final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Stack>& about) {
    about.id("org.espalier.growth.stack").version("0.1.0").vendor("Espalier");
    about.summary("copies layers on top: the last block (gradual stacking) or the whole stack (StackBERT, G_stack)");
    about.url("https://arxiv.org/abs/2405.15319");
    about.citation(
        "Gong et al., Efficient Training of BERT by Progressively Stacking, ICML 2019; "
        "Du et al., Stacking Your Transformers, NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("block_size", &Stack::block_size_, "layers of the first stage; divides num_layers")
        .required()
        .min(1)
        .unit("layers")
        .tunable();
    about.param("mode", &Stack::mode_, "what is copied on top: the last block_size layers, or the whole stack")
        .choices({"last", "all"});
    about.param("factor", &Stack::factor_, "mode all: each growth multiplies the depth by this").min(2).tunable();
    about.param("moments", &Stack::moments_, "optimizer moments of the copies: those of their originals, or fresh")
        .choices({"copy", "zero"});
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    std::uint32_t stages = 1;
    std::int64_t depth = block_size_;
    for (; depth < final_dims.num_layers; depth = next_depth(depth)) ++stages;
    if (depth != final_dims.num_layers) {
      throw sdk::invalid("num_layers ", final_dims.num_layers, " cannot be reached from block_size ", block_size_,
                         mode_ == "last" ? std::string(" by adding it") : sdk::cat(" by multiplying with ", factor_));
    }
    return stages;
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    dims.num_layers = block_size_;
    for (std::uint32_t i = 0; i < stage && dims.num_layers < final_dims.num_layers; ++i) {
      dims.num_layers = next_depth(dims.num_layers);
    }
    return dims;
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const std::int64_t depth = from.num_layers();
    const std::int64_t first_copied = mode_ == "last" ? depth - block_size_ : 0;
    if (first_copied < 0) throw sdk::invalid("the model has ", depth, " layers, fewer than block_size ", block_size_);
    std::vector<sdk::LayerSource> layers = sdk::unchanged_layers(depth);
    const std::vector<sdk::LayerSource> copies = sdk::copies_of(first_copied, depth);
    while (static_cast<std::int64_t>(layers.size()) < next_depth(depth)) {
      layers.insert(layers.end(), copies.begin(), copies.end());
    }
    sdk::assign_layers(plan, from, to, layers, moments_ == "copy" ? sdk::Moments::kMap : sdk::Moments::kZero);
  }

 private:
  std::int64_t next_depth(std::int64_t depth) const { return mode_ == "last" ? depth + block_size_ : depth * factor_; }

  std::int64_t block_size_ = 1;
  std::int64_t factor_ = 2;
  std::string mode_ = "last";
  std::string moments_ = "copy";
};

ESPALIER_PLUGIN(Stack);
