// Learning rate: linear warm-up, then the peak for the rest of the run.
#include <espalier/recipes/stage_lr.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Constant final : public sdk::StageLr {
 public:
  static void describe(sdk::Description<Constant>& about) {
    about.id("org.espalier.schedule.constant").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("linear warm-up, then the peak for the rest of the run");
    about.citation("no decay as a control for curricula: How LR Decay Wastes Your Best Data, arXiv 2511.18903");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
  }

 private:
  double lr(const sdk::LrClock& clock, double peak) const override {
    return clock.step < clock.warmup ? peak * (clock.step + 1) / clock.warmup : peak;
  }

  void check_clock(const sdk::LrClock& clock) const override {
    if (clock.warmup <= clock.total) return;
    throw sdk::invalid("the warm-up (", sdk::LrClock::whole(clock.warmup), " steps) is longer than ", clock.of, " (",
                       sdk::LrClock::whole(clock.total), ")");
  }
};

ESPALIER_PLUGIN(Constant);
