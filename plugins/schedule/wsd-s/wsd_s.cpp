// Learning rate: warm-up, then several periods of stable and decay, each from the decayed end of the one before.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

#include <cmath>
#include <vector>

namespace sdk = espalier::sdk;

class WsdS final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<WsdS>& about) {
    about.id("org.espalier.schedule.wsd-s").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("several periods of constant peak and decay; each goes on from the decayed weights, at the peak");
    about.url("https://arxiv.org/abs/2410.05192");
    about.citation("Wen et al., Understanding Warmup-Stable-Decay Learning Rates, 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("ends", &WsdS::ends_, "where each decay ends, as fractions of the run, rising to 1").above(0).max(1);
    about.param("decay", &WsdS::decay_, "length of each decay, as a part of all steps up to its end")
        .min(0)
        .max(1)
        .tunable();
    about.param("decay_type", &WsdS::decay_type_, "1-x, 1-sqrt(x), half a cosine, or straight in 1/lr")
        .choices({"linear", "sqrt", "cosine", "inverse"});
    about.param("min_ratio", &WsdS::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

  void check(sdk::Call&) override {
    double before = 0;
    for (const double end : ends_) {
      if (end <= before) throw sdk::invalid("ends must rise");
      before = end;
    }
    if (before != 1) throw sdk::invalid("the last of ends must be 1: the run ends with a decay");
    if (decay_type_ == "inverse" && min_ratio_ == 0) {
      throw sdk::invalid("decay_type \"inverse\" needs a min_ratio above 0");
    }
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  double lr(const sdk::LrClock& clock, double peak) const override {
    if (clock.step < clock.warmup) return peak * (clock.step + 1) / clock.warmup;
    std::size_t period = 0;
    while (period + 1 < ends_.size() && clock.step >= end_of(clock, period)) ++period;
    const double end = end_of(clock, period), length = decay_ * end;
    if (length == 0 || clock.step <= end - length) return peak;
    const double part = clock.step >= end ? 1 : 1 - (end - clock.step) / length;
    if (decay_type_ == "inverse") return peak / (part / min_ratio_ + (1 - part));
    const double height = height_at(part);
    return peak * height + peak * min_ratio_ * (1 - height);
  }

  double height_at(double part) const {
    if (decay_type_ == "linear") return 1 - part;
    if (decay_type_ == "sqrt") return 1 - std::sqrt(part);
    return 0.5 * (1 + std::cos(kPi * part));
  }

  /// First step after a period.
  double end_of(const sdk::LrClock& clock, std::size_t period) const {
    return std::floor(clock.total * ends_[period] + 0.5);
  }

  void check_clock(const sdk::LrClock& clock) const override {
    double begin = clock.warmup;
    for (std::size_t period = 0; period < ends_.size(); ++period) {
      const double end = end_of(clock, period), length = decay_ * end;
      if (begin + length > end) {
        throw sdk::invalid("the decay of period ", period + 1, " takes ", sdk::LrClock::whole(length), " steps of ",
                           clock.of, " and ends at step ", sdk::LrClock::whole(end), ", but the ",
                           period == 0 ? "warm-up" : "period before", " ends at step ", sdk::LrClock::whole(begin));
      }
      begin = end;
    }
  }

  std::vector<double> ends_ = {0.25, 0.5, 1.0};
  double decay_ = 0.1;
  std::string decay_type_ = "linear";
  double min_ratio_ = 0.1;
};

ESPALIER_PLUGIN(WsdS);
