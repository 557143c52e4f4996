// Learning rate of continued pre-training: from the old run's minimum down, without a warm-up.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Reuse final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<Reuse>& about) {
    about.id("org.espalier.schedule.reuse").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("continued pre-training: cosine from the old run's minimum to floor of it, without a warm-up");
    about.url("https://arxiv.org/abs/2407.07263");
    about.citation("Parmar et al., Reuse, Don't Retrain, 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("floor", &Reuse::floor_, "learning rate after the last step, as a fraction of the first one")
        .min(0)
        .max(1)
        .tunable();
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  double lr(const sdk::LrClock& clock, double peak) const override {
    const double part = clock.step >= clock.total ? 1.0 : clock.step / clock.total;
    const double height = 0.5 * (1 + std::cos(kPi * part));  // exactly 1 at the start and 0 at the end
    return peak * height + peak * floor_ * (1 - height);
  }

  void check_clock(const sdk::LrClock&) const override {}  // a cosine over the whole run always fits

  double floor_ = 0.01;
};

ESPALIER_PLUGIN(Reuse);
