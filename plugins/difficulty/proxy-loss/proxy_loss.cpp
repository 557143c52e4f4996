// Difficulty by the loss of a small or partly trained model; with a second model, by what the first has yet to learn.
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class ProxyLoss final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<ProxyLoss>& about) {
    about.id("org.espalier.difficulty.proxy-loss").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("bits per byte under a trained model, or how much more than under a reference model");
    about.citation(
        "Ankner et al., Perplexed by Perplexity, 2024; Mindermann et al., Prioritized Training on Points that are "
        "Learnable, Worth Learning, and Not Yet Learnt, ICML 2022");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT);
    about.param("model", &ProxyLoss::model_, "run, checkpoint or Hugging Face folder of the model").required().path();
    about.param("reference", &ProxyLoss::reference_, "a second model, whose loss is taken off; empty: none").path();
  }

  static constexpr std::uint32_t needs = ESP_NEEDS_INPUTS;

  std::vector<std::string> inputs(sdk::Call&) const override {
    if (reference_.empty()) return {loss_of(model_)};
    return {loss_of(model_), loss_of(reference_)};
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    return reference_.empty() ? doc.inputs[0] : doc.inputs[0] - doc.inputs[1];
  }

 private:
  static std::string loss_of(const std::string& model) {
    return sdk::cat("host.loss { model = ", sdk::toml_literal(model), " }");
  }

  std::string model_, reference_;
};

ESPALIER_PLUGIN(ProxyLoss);
