// Competence-based curriculum: the difficulty tiers open as competence grows from c0 to 1.
#include <espalier/recipes/mixture.hpp>
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>

namespace sdk = espalier::sdk;

class Competence final : public sdk::MixtureSchedule {
 public:
  static void describe(sdk::Description<Competence>& about) {
    about.id("org.espalier.schedule.competence").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("opens the difficulty tiers, the easiest first, as competence grows");
    about.url("https://arxiv.org/abs/1903.09848");
    about.citation("Platanios et al., Competence-based Curriculum Learning, NAACL 2019");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("pacing", &Competence::pacing_, "how competence grows").choices({"root", "linear", "step"});
    about.param("c0", &Competence::c0_, "competence at the start, a part of the data").above(0).max(1).tunable();
    about.param("duration", &Competence::duration_, "when competence is 1 and every tier is open").tunable();
    about.param("root", &Competence::root_, "pacing root: 2 is the square root").min(1).tunable();
    about.param("jumps", &Competence::jumps_, "pacing step: equal jumps of competence, the last at the end").min(1);
    describe_columns(about);
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    const std::size_t open = open_tiers(at.step);
    if (open == num_tiers_) return kNever;
    std::uint64_t low = at.step + 1, high = std::max(low, static_cast<std::uint64_t>(duration_.steps));
    while (low < high) {  // competence never falls
      const std::uint64_t middle = low + (high - low) / 2;
      if (open_tiers(middle) > open) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

 private:
  void begin(const sdk::Progress& start, std::size_t num_columns) override {
    if (what() != std::string("tiers")) throw sdk::invalid("competence is of difficulty tiers: drop sources");
    if (start.total_steps == 0) throw sdk::failed_precondition("competence needs a run with a known number of steps");
    num_tiers_ = num_columns;
  }

  std::vector<double> weights(const sdk::Progress& at) const override {
    std::vector<double> out(num_tiers_);
    std::fill_n(out.begin(), open_tiers(at.step), 1.0);
    return out;
  }

  /// Tiers that lie within the competence as a whole; the first one always.
  std::size_t open_tiers(std::uint64_t step) const {
    const double tiers = static_cast<double>(num_tiers_) * competence(step);
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(tiers + kSlack)));
  }

  /// Equation 6 of the paper, and for "linear" equation 4.
  double competence(std::uint64_t step) const {
    if (step >= static_cast<std::uint64_t>(duration_.steps)) return 1;
    const double part = static_cast<double>(step) / static_cast<double>(duration_.steps);
    if (pacing_ == "linear") return c0_ + (1 - c0_) * part;
    if (pacing_ == "step") {
      const auto jumps = static_cast<double>(jumps_);
      return c0_ + (1 - c0_) * std::floor(part * jumps + kSlack) / jumps;
    }
    const double start = std::pow(c0_, root_);
    return std::pow(start + (1 - start) * part, 1 / root_);
  }

  static constexpr double kSlack = 1e-9;  // for sums that are whole on paper

  std::string pacing_ = "root";
  double c0_ = 0.01;
  sdk::Duration duration_{"0.5dur"};
  double root_ = 2;
  std::int64_t jumps_ = 1;
  std::size_t num_tiers_ = 0;
};

ESPALIER_PLUGIN(Competence);
