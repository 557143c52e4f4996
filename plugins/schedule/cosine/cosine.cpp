// Learning rate: linear warm-up, then half a cosine from the peak to the minimum.
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Cosine final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Cosine>& about) {
    about.id("org.espalier.schedule.cosine").version("0.1.0").vendor("Espalier");
    about.summary("linear warm-up, then cosine decay to min_ratio of the peak");
    about.citation("Loshchilov and Hutter, SGDR, ICLR 2017 (one cycle, no restart)");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("warmup", &Cosine::warmup_, "linear warm-up to the peak");
    about.param("decay_end", &Cosine::decay_end_, "where the minimum is reached; it stays from there on");
    about.param("min_ratio", &Cosine::min_ratio_, "minimum as a fraction of the peak").min(0).max(1).tunable();
  }

  void bind(sdk::Call&, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "lr");
    if (start.total_steps == 0) throw sdk::failed_precondition("cosine decay needs a run with a known number of steps");
    if (warmup_.steps > decay_end_.steps) {
      throw sdk::invalid("warmup (", warmup_.steps, " steps) is longer than decay_end (", decay_end_.steps, " steps)");
    }
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    const double step = static_cast<double>(at.step);
    const double warmup = static_cast<double>(warmup_.steps);
    const double end = static_cast<double>(decay_end_.steps);
    if (step < warmup) {
      out[0] = at.lr_peak * (step + 1) / warmup;
      return;
    }
    const double part = step >= end ? 1.0 : (step - warmup) / (end - warmup);
    const double height = 0.5 * (1 + std::cos(kPi * part));  // exactly 1 at the start and 0 at the end
    out[0] = at.lr_peak * height + at.lr_peak * min_ratio_ * (1 - height);
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  sdk::Duration warmup_{"0st"};
  sdk::Duration decay_end_{"1dur"};
  double min_ratio_ = 0.1;
};

ESPALIER_PLUGIN(Cosine);
