// Learning rate: linear warm-up, then half a cosine from the peak to the minimum.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Cosine final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<Cosine>& about) {
    about.id("org.espalier.schedule.cosine").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("linear warm-up, then cosine decay to min_ratio of the peak");
    about.citation("Loshchilov and Hutter, SGDR, ICLR 2017");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("decay_end", &Cosine::decay_end_, "where the minimum is reached; it stays from there on");
    about.param("min_ratio", &Cosine::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  double lr(const sdk::LrClock& clock, double peak) const override {
    if (clock.step < clock.warmup) return peak * (clock.step + 1) / clock.warmup;
    const double end = clock.scaled(decay_end_);
    const double part = clock.step >= end ? 1.0 : (clock.step - clock.warmup) / (end - clock.warmup);
    const double height = 0.5 * (1 + std::cos(kPi * part));  // exactly 1 at the start and 0 at the end
    return peak * height + peak * min_ratio_ * (1 - height);
  }

  void check_clock(const sdk::LrClock& clock) const override {
    const double end = clock.scaled(decay_end_);
    if (clock.warmup <= end) return;
    throw sdk::invalid("the warm-up (", sdk::LrClock::whole(clock.warmup), " steps) is longer than decay_end (",
                       sdk::LrClock::whole(end), " steps of ", clock.of, ")");
  }

  sdk::Duration decay_end_{"1dur"};
  double min_ratio_ = 0.1;
};

ESPALIER_PLUGIN(Cosine);
