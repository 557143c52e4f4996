// Growth stages with lengths T_i in proportion to i^alpha.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>

namespace sdk = espalier::sdk;

class PropAlpha final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<PropAlpha>& about) {
    about.id("org.espalier.schedule.prop-alpha").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("growth stage i of k lasts T * i^alpha / sum_j j^alpha steps");
    about.url("https://arxiv.org/abs/2409.19044");
    about.citation("Saunshi et al., On the Inductive Bias of Stacking Towards Improving Reasoning, NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("alpha", &PropAlpha::alpha_, "0: equal stages, 1: proportional to the index, 2: quadratic")
        .min(0)
        .tunable();
    about
        .param("until", &PropAlpha::until_,
               "T: the part of the run that is shared out; the last stage goes on after it")
        .tunable();
  }

  void bind(sdk::Call&, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "growth.stage");
    if (start.total_steps == 0) throw sdk::failed_precondition("prop-alpha needs a run with a known number of steps");
    if (start.num_stages == 0) throw sdk::failed_precondition("prop-alpha needs the number of stages");
    if (static_cast<std::uint64_t>(until_.steps) > start.total_steps) {
      throw sdk::invalid("until is ", until_.steps, " steps, longer than the run of ", start.total_steps);
    }
    const auto total = static_cast<double>(until_.steps);
    double sum = 0;
    for (std::uint32_t i = 1; i <= start.num_stages; ++i) sum += std::pow(i, alpha_);
    ends_.clear();
    double done = 0;
    for (std::uint32_t i = 1; i <= start.num_stages; ++i) {
      done += std::pow(i, alpha_);
      const double end = i == start.num_stages ? total : std::floor(total * (done / sum) + 0.5);
      const std::uint64_t begin = ends_.empty() ? 0 : ends_.back();
      if (end < static_cast<double>(begin + 1)) {
        throw sdk::invalid("stage ", i, " of ", start.num_stages, " would get no step: ", total,
                           " steps are too few for alpha ", alpha_);
      }
      ends_.push_back(static_cast<std::uint64_t>(end));
    }
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    const auto next_end = std::upper_bound(ends_.begin(), ends_.end(), at.step);
    out[0] = static_cast<double>(std::min<std::ptrdiff_t>(next_end - ends_.begin(), last_stage()));
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    const auto last_change = ends_.end() - 1;  // the end of the last stage changes nothing
    const auto next_end = std::upper_bound(ends_.begin(), last_change, at.step);
    return next_end == last_change ? kNever : *next_end;
  }

 private:
  std::ptrdiff_t last_stage() const { return static_cast<std::ptrdiff_t>(ends_.size()) - 1; }

  double alpha_ = 1;
  sdk::Duration until_{"1dur"};
  std::vector<std::uint64_t> ends_;  // ends_[i]: first step after stage i
};

ESPALIER_PLUGIN(PropAlpha);
