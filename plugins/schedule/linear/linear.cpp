// Learning rate: linear warm-up, then a straight line from the peak to the minimum.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Linear final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<Linear>& about) {
    about.id("org.espalier.schedule.linear").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("linear warm-up, then linear decay to min_ratio of the peak");
    about.citation("Devlin et al., BERT, NAACL 2019");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("decay_end", &Linear::decay_end_, "where the minimum is reached; it stays from there on");
    about.param("min_ratio", &Linear::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

 private:
  double lr(const sdk::LrClock& clock, double peak) const override {
    if (clock.step < clock.warmup) return peak * (clock.step + 1) / clock.warmup;
    const double end = clock.scaled(decay_end_);
    const double height = clock.step >= end ? 0.0 : (end - clock.step) / (end - clock.warmup);
    return peak * height + peak * min_ratio_ * (1 - height);
  }

  void check_clock(const sdk::LrClock& clock) const override {
    const double end = clock.scaled(decay_end_);
    if (clock.warmup <= end) return;
    throw sdk::invalid("the warm-up (", sdk::LrClock::whole(clock.warmup), " steps) is longer than decay_end (",
                       sdk::LrClock::whole(end), " steps of ", clock.of, ")");
  }

  sdk::Duration decay_end_{"1dur"};
  double min_ratio_ = 0;
};

ESPALIER_PLUGIN(Linear);
