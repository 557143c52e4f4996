// MIDAS: grow depth by duplicating the middle block directly after itself.
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Midas final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Midas>& about) {
    about.id("org.espalier.growth.midas").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("duplicates the middle block, stage by stage; block_size 1 is LIDAS");
    about.url("https://arxiv.org/abs/2409.19044");
    about.citation("Saunshi et al., On the Inductive Bias of Stacking Towards Improving Reasoning, NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("block_size", &Midas::block_size_, "layers in a block; divides num_layers")
        .required()
        .min(1)
        .unit("layers")
        .tunable();
    about.param("moments", &Midas::moments_, "optimizer moments of the new block: those of its original, or fresh")
        .choices({"copy", "zero"});
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    if (final_dims.num_layers % block_size_ != 0) {
      throw sdk::invalid("block_size ", block_size_, " does not divide num_layers ", final_dims.num_layers);
    }
    return static_cast<std::uint32_t>(final_dims.num_layers / block_size_);
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    dims.num_layers = block_size_ * (stage + 1);
    return dims;
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const std::int64_t num_blocks = from.num_layers() / block_size_;
    const std::int64_t middle_end = (num_blocks + 1) / 2 * block_size_;  // the layer after block ceil(n/2)
    std::vector<sdk::LayerSource> layers = sdk::unchanged_layers(from.num_layers());
    const std::vector<sdk::LayerSource> copies = sdk::copies_of(middle_end - block_size_, middle_end);
    layers.insert(layers.begin() + middle_end, copies.begin(), copies.end());
    sdk::assign_layers(plan, from, to, layers, moments_ == "copy" ? sdk::Moments::kMap : sdk::Moments::kZero);
  }

 private:
  std::int64_t block_size_ = 1;
  std::string moments_ = "copy";
};

ESPALIER_PLUGIN(Midas);
