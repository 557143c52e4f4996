// Data mixture in pieces: one blend after another, each from a step, a token, a learning rate or a loss on.
#include <espalier/recipes/mixture.hpp>
#include <espalier/sdk.hpp>

#include <algorithm>

#include "trigger.hpp"

namespace sdk = espalier::sdk;

class MixtureSwitch final : public sdk::MixtureSchedule {
 public:
  static void describe(sdk::Description<MixtureSwitch>& about) {
    about.id("org.espalier.schedule.mixture-switch").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("one blend of tiers or sources after another; learning rate, loss or progress switches");
    about.url("https://arxiv.org/abs/2407.07263");
    about.citation("switch at a fraction of the learning rate: Parmar et al., Reuse, Don't Retrain, 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC).state_version(1);
    about
        .param("blends", &MixtureSwitch::blends_, "a weight a tier, easiest first, or a source, for each blend in turn")
        .required()
        .min(0);
    about
        .param("when", &MixtureSwitch::when_,
               "when each blend after the first begins: 100st, 3e6tok, 0.5dur, 1ep, lr <= peak/5, loss <= 2.5")
        .required();
    describe_columns(about);
  }

  void check(sdk::Call&) override {
    for (const std::string& text : when_) triggers_.push_back(Trigger::parse(text));
    fired_.assign(triggers_.size(), kNever);
    armed_.assign(triggers_.size(), 0);
  }

  void observe(sdk::Call&, const sdk::Progress& at, const std::vector<sdk::Metric>& metrics) override {
    if (at.phase == 0) {  // a growth strategy's own phase has losses and rates of its own
      for (const sdk::Metric& metric : metrics) {
        if (metric.name == "train/loss") take_loss(metric.value);
      }
      take_rate(at);
    }
    // The step ran under blend current_; a blend that only begins now has not had its step yet.
    if (at.phase == 0 && current_ < triggers_.size() && blend(at) == current_ && falls(current_, at))
      fired_[current_] = at.step;
    current_ = blend(at);
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    const std::size_t next = blend(at);
    if (next == triggers_.size()) return kNever;
    if (triggers_[next].kind == Trigger::Kind::kSteps) return first_step(triggers_[next].bound);
    return at.step + 1;  // depends on what the steps bring
  }

  void save(sdk::Call&, sdk::Writer& writer) const override {
    writer.u64(triggers_.size());
    for (std::size_t i = 0; i < triggers_.size(); ++i) {
      writer.u64(fired_[i]);
      writer.u64(armed_[i]);
    }
    writer.u64(current_);
    writer.f64(loss_);
    writer.f64(loss_weight_);
    writer.u64(num_losses_);
  }

  void load(sdk::Call&, std::uint32_t, sdk::Reader& reader) override {
    const std::uint64_t count = reader.u64();
    if (count != triggers_.size()) {
      throw sdk::failed_precondition("the saved state is of ", count + 1, " blends, there are ", triggers_.size() + 1);
    }
    for (std::size_t i = 0; i < triggers_.size(); ++i) {
      fired_[i] = reader.u64();
      armed_[i] = reader.u64();
    }
    current_ = reader.u64();
    loss_ = reader.f64();
    loss_weight_ = reader.f64();
    num_losses_ = reader.u64();
  }

 private:
  static constexpr double kKeep = 0.9;         // the loss is averaged over about ten steps
  static constexpr std::uint64_t kLosses = 5;  // one lucky batch is not a trend

  void begin(const sdk::Progress& start, std::size_t num_columns) override {
    num_columns_ = num_columns;
    if (start.total_steps == 0) throw sdk::failed_precondition("mixture-switch needs a run with a known length");
    if (blends_.size() != (when_.size() + 1) * num_columns) {
      throw sdk::invalid("blends has ", blends_.size(), " numbers; ", when_.size() + 1, " blends of ", num_columns, " ",
                         what(), " need ", (when_.size() + 1) * num_columns);
    }
    check_rows("blends", blends_, num_columns);
  }

  std::vector<double> weights(const sdk::Progress& at) const override {
    return row_of(blends_, blend(at), num_columns_);
  }

  /// The blend of a step: the number of triggers that have come, in their order.
  std::size_t blend(const sdk::Progress& at) const {
    std::size_t i = 0;
    while (i < triggers_.size() && (triggers_[i].reacts() ? fired_[i] <= at.step : triggers_[i].reached(at))) ++i;
    return i;
  }

  /// The learning rate or the loss of the step that just ran sets off trigger i, whose turn it is.
  bool falls(std::size_t i, const sdk::Progress& at) const {
    const Trigger& trigger = triggers_[i];
    if (!trigger.reacts()) return false;
    if (trigger.kind == Trigger::Kind::kLoss) return num_losses_ >= kLosses && loss_ / loss_weight_ <= trigger.bound;
    return armed_[i] != 0 && at.lr_previous <= trigger.lr_bound(at.lr_peak);  // a warm-up rises through the bound
  }

  void take_rate(const sdk::Progress& at) {
    for (std::size_t i = 0; i < triggers_.size(); ++i) {
      const bool of_lr = triggers_[i].reacts() && triggers_[i].kind != Trigger::Kind::kLoss;
      if (of_lr && at.lr_previous > triggers_[i].lr_bound(at.lr_peak)) armed_[i] = 1;
    }
  }

  void take_loss(double loss) {
    loss_ = kKeep * loss_ + (1 - kKeep) * loss;
    loss_weight_ = kKeep * loss_weight_ + (1 - kKeep);
    ++num_losses_;
  }

  static std::uint64_t first_step(double bound) { return static_cast<std::uint64_t>(std::ceil(bound)); }

  std::vector<double> blends_;  // [blend, column]
  std::vector<std::string> when_;
  std::vector<Trigger> triggers_;
  std::size_t num_columns_ = 0;
  std::vector<std::uint64_t> fired_;  // first step after a reacting trigger, kNever before
  std::vector<std::uint64_t> armed_;  // 1: the learning rate has been above the bound
  std::uint64_t current_ = 0;         // blend of the step to come
  double loss_ = 0, loss_weight_ = 0;
  std::uint64_t num_losses_ = 0;
};

ESPALIER_PLUGIN(MixtureSwitch);
