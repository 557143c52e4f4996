// Learning rate: warm-up, stable, decay.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Wsd final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<Wsd>& about) {
    about.id("org.espalier.schedule.wsd").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("linear warm-up, constant peak, then decay over the last part of the run");
    about.citation("Hu et al., MiniCPM, COLM 2024; decay forms after Haegele et al., NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("decay", &Wsd::decay_, "length of the decay, which ends with the run").tunable();
    about.param("decay_type", &Wsd::decay_type_, "fall from 1 to 0: 1-x, 1-sqrt(x) or half a cosine")
        .choices({"linear", "sqrt", "cosine"});
    about.param("min_ratio", &Wsd::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  double lr(const sdk::LrClock& clock, double peak) const override {
    if (clock.step < clock.warmup) return peak * (clock.step + 1) / clock.warmup;
    const double height = height_at(clock);
    return peak * height + peak * min_ratio_ * (1 - height);
  }

  /// 1 in the stable part, 0 from the end of the clock on.
  double height_at(const sdk::LrClock& clock) const {
    const double start = clock.total - clock.scaled(decay_);
    if (clock.step <= start || decay_.steps == 0) return 1;
    if (clock.step >= clock.total) return 0;
    const double part = (clock.step - start) / (clock.total - start);
    if (decay_type_ == "linear") return 1 - part;
    if (decay_type_ == "sqrt") return 1 - std::sqrt(part);
    return 0.5 * (1 + std::cos(kPi * part));
  }

  void check_clock(const sdk::LrClock& clock) const override {
    const double decay = clock.scaled(decay_);
    if (clock.warmup + decay <= clock.total) return;
    throw sdk::invalid("the warm-up (", sdk::LrClock::whole(clock.warmup), " steps) and decay (",
                       sdk::LrClock::whole(decay), ") exceed the ", sdk::LrClock::whole(clock.total), " steps of ",
                       clock.of);
  }

  sdk::Duration decay_{"0.2dur"};
  std::string decay_type_ = "linear";
  double min_ratio_ = 0.0;
};

ESPALIER_PLUGIN(Wsd);
