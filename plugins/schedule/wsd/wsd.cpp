// Learning rate: warm-up, stable, decay.
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Wsd final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Wsd>& about) {
    about.id("org.espalier.schedule.wsd").version("0.1.0").vendor("Espalier");
    about.summary("linear warm-up, constant peak, then decay over the last part of the run");
    about.citation("Hu et al., MiniCPM, COLM 2024; decay forms after Haegele et al., NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("warmup", &Wsd::warmup_, "linear warm-up to the peak");
    about.param("decay", &Wsd::decay_, "length of the decay, which ends with the run").tunable();
    about.param("decay_type", &Wsd::decay_type_, "fall from 1 to 0: 1-x, 1-sqrt(x) or half a cosine")
        .choices({"linear", "sqrt", "cosine"});
    about.param("min_ratio", &Wsd::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

  void bind(sdk::Call&, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "lr");
    total_steps_ = static_cast<std::int64_t>(start.total_steps);
    if (total_steps_ == 0) throw sdk::failed_precondition("wsd needs a run with a known number of steps");
    if (warmup_.steps + decay_.steps > total_steps_) {
      throw sdk::invalid("warmup (", warmup_.steps, ") and decay (", decay_.steps, ") exceed the run's ", total_steps_,
                         " steps");
    }
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    const double step = static_cast<double>(at.step);
    const double warmup = static_cast<double>(warmup_.steps);
    if (step < warmup) {
      out[0] = at.lr_peak * (step + 1) / warmup;
      return;
    }
    const double height = height_at(step);
    out[0] = at.lr_peak * height + at.lr_peak * min_ratio_ * (1 - height);
  }

 private:
  /// 1 in the stable part, 0 from the end of the run on.
  double height_at(double step) const {
    const double end = static_cast<double>(total_steps_);
    const double start = static_cast<double>(total_steps_ - decay_.steps);
    if (step <= start || decay_.steps == 0) return 1;
    if (step >= end) return 0;
    const double part = (step - start) / (end - start);
    if (decay_type_ == "linear") return 1 - part;
    if (decay_type_ == "sqrt") return 1 - std::sqrt(part);
    return 0.5 * (1 + std::cos(3.14159265358979323846 * part));
  }

  sdk::Duration warmup_{"0st"};
  sdk::Duration decay_{"0.2dur"};
  std::string decay_type_ = "linear";
  double min_ratio_ = 0.0;
  std::int64_t total_steps_ = 0;
};

ESPALIER_PLUGIN(Wsd);
