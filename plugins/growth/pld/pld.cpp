// Progressive Layer Dropping: deeper layers and later steps are bypassed more often.
#include <espalier/recipes/subnetwork.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Pld final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Pld>& about) {
    about.id("org.espalier.growth.pld").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("bypasses layers at random, more of them with depth and as training goes on");
    about.url("https://arxiv.org/abs/2010.13369");
    about.citation(
        "Zhang and He, Accelerating Training of Transformer-Based Language Models with Progressive Layer "
        "Dropping, NeurIPS 2020");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("theta_bar", &Pld::theta_bar_, "what the keep probability of the deepest layer falls to")
        .above(0)
        .max(1)
        .tunable();
    about.param("gamma", &Pld::gamma_, "how fast it falls, per step; 0: gamma_total / total steps").min(0).tunable();
    about.param("gamma_total", &Pld::gamma_total_, "with gamma 0: how fast it falls, per run").min(0).tunable();
    about
        .param("count_from", &Pld::count_from_,
               "number of the first layer in p_i; 0 (DeepSpeed): it is never bypassed; 1: the last has i = L")
        .min(0)
        .max(1);
    about.param("scaling", &Pld::scaling_, "factor on the branches of layers that run: 1/p_i (DeepSpeed) or 1")
        .choices({"inverse", "none"});
  }

  void check(sdk::Call&) override {
    if (gamma_ == 0 && gamma_total_ == 0) throw sdk::invalid("gamma and gamma_total are both 0: nothing would change");
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims&) override { return 1; }
  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t) override { return final_dims; }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    sdk::assign_layers(plan, from, to, sdk::unchanged_layers(from.num_layers()), sdk::Moments::kMap);
  }

  std::uint32_t step_shape(sdk::Call& call, const sdk::Progress& at, sdk::StepShape& shape) override {
    const double theta = (1 - theta_bar_) * std::exp(-rate(at) * static_cast<double>(at.step)) + theta_bar_;
    std::vector<double> keep(shape.num_layers());
    for (std::size_t i = 0; i < keep.size(); ++i) {
      const double number = static_cast<double>(static_cast<std::int64_t>(i) + count_from_);
      keep[i] = 1 - number / static_cast<double>(keep.size()) * (1 - theta);
    }
    sdk::draw_layers(call, at, keep, scaling_, shape);
    return 0;
  }

 private:
  /// Per step.
  double rate(const sdk::Progress& at) const {
    if (gamma_ > 0) return gamma_;
    if (at.total_steps == 0) throw sdk::failed_precondition("gamma_total needs a run of known length; give gamma");
    return gamma_total_ / static_cast<double>(at.total_steps);
  }

  double theta_bar_ = 0.5;
  double gamma_ = 0;
  double gamma_total_ = 100;
  std::int64_t count_from_ = 0;
  std::string scaling_ = "inverse";
};

ESPALIER_PLUGIN(Pld);
