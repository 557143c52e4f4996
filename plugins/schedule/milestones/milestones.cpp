// Growth stages that begin at given parts of the run.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>

namespace sdk = espalier::sdk;

class Milestones final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Milestones>& about) {
    about.id("org.espalier.schedule.milestones").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("growth stages begin at given fractions of the run, or at given steps");
    about.url("https://arxiv.org/abs/2307.06440");
    about.citation("fixed fractions: Kaddour et al., No Train No Gain, NeurIPS 2023");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("at", &Milestones::at_, "where each stage after the first begins, as fractions of the run, rising")
        .above(0)
        .max(1)
        .tunable();
    about.param("steps", &Milestones::steps_, "the same in steps, instead of at").min(1).unit("steps");
  }

  void check(sdk::Call&) override {
    if (!at_.empty() && !steps_.empty()) throw sdk::invalid("give at or steps, not both");
  }

  void bind(sdk::Call&, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "growth.stage");
    if (start.total_steps == 0) throw sdk::failed_precondition("milestones needs a run with a known number of steps");
    const auto total = static_cast<double>(start.total_steps);
    starts_.assign(steps_.begin(), steps_.end());
    for (const double fraction : at_) starts_.push_back(static_cast<std::uint64_t>(std::floor(total * fraction + 0.5)));
    if (starts_.size() + 1 != start.num_stages) {
      throw sdk::invalid(starts_.size(), " milestones lead to ", starts_.size() + 1, " stages, the strategy has ",
                         start.num_stages);
    }
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      if (starts_[i] <= before) {
        throw sdk::invalid("stage ", i + 1, " would get no step: the next one begins at step ", starts_[i]);
      }
      before = starts_[i];
    }
    if (before >= start.total_steps) {
      throw sdk::invalid("the last stage would get no step: by ", at_.empty() ? "steps" : "at", " it begins at step ",
                         before, ", and the run ends after ", start.total_steps);
    }
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    out[0] = static_cast<double>(next_start(at) - starts_.begin());
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    return next_start(at) == starts_.end() ? kNever : *next_start(at);
  }

 private:
  std::vector<std::uint64_t>::const_iterator next_start(const sdk::Progress& at) const {
    return std::upper_bound(starts_.begin(), starts_.end(), at.step);
  }

  std::vector<double> at_;
  std::vector<std::int64_t> steps_;
  std::vector<std::uint64_t> starts_;  // first step of each stage after the first
};

ESPALIER_PLUGIN(Milestones);
