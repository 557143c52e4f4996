// Learning rate: linear warm-up, then falling with the square root of the steps.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class InverseSqrt final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<InverseSqrt>& about) {
    about.id("org.espalier.schedule.inverse-sqrt").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("linear warm-up, then decay with the square root of the steps");
    about.citation("Vaswani et al., Attention Is All You Need, NeurIPS 2017");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("timescale", &InverseSqrt::timescale_, "steps after which the fall sets in; 0st: the warm-up")
        .tunable();
  }

 private:
  static constexpr double kNoWarmup = 10000;  // the timescale without a warm-up

  double lr(const sdk::LrClock& clock, double peak) const override {
    if (clock.step < clock.warmup) return peak * (clock.step + 1) / clock.warmup;
    double timescale = clock.scaled(timescale_);
    if (timescale_.steps == 0) timescale = clock.warmup > 0 ? clock.warmup : kNoWarmup;
    return peak / std::sqrt((clock.step - clock.warmup + timescale) / timescale);
  }

  void check_clock(const sdk::LrClock& clock) const override {
    if (clock.warmup <= clock.total) return;
    throw sdk::invalid("the warm-up (", sdk::LrClock::whole(clock.warmup), " steps) is longer than ", clock.of, " (",
                       sdk::LrClock::whole(clock.total), ")");
  }

  sdk::Duration timescale_{"0st"};
};

ESPALIER_PLUGIN(InverseSqrt);
