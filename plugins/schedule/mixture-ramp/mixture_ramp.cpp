// Data mixture that moves smoothly from one blend to another.
#include <espalier/recipes/mixture.hpp>
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>

namespace sdk = espalier::sdk;

class MixtureRamp final : public sdk::MixtureSchedule {
 public:
  static void describe(sdk::Description<MixtureRamp>& about) {
    about.id("org.espalier.schedule.mixture-ramp").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("moves smoothly from one blend of tiers or sources to another");
    about.citation("annealing of the data blend: Hu et al., MiniCPM, COLM 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("from", &MixtureRamp::from_, "first blend: a weight a tier, easiest first, or a source")
        .required()
        .min(0);
    about.param("to", &MixtureRamp::to_, "last blend").required().min(0);
    about.param("start", &MixtureRamp::start_, "when the first blend begins to change").tunable();
    about.param("length", &MixtureRamp::length_, "how long the change takes").tunable();
    about.param("shape", &MixtureRamp::shape_, "a straight line, or half a cosine").choices({"linear", "cosine"});
    about.param("moves", &MixtureRamp::moves_, "0: a little each step; else in so many equal moves").min(0).max(1e6);
    describe_columns(about);
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    const std::uint64_t end = static_cast<std::uint64_t>(start_.steps + length_.steps);
    if (at.step >= end) return kNever;
    return std::max(at.step + 1, static_cast<std::uint64_t>(start_.steps));
  }

 private:
  static constexpr double kPi = 3.14159265358979323846;

  void begin(const sdk::Progress& start, std::size_t num_columns) override {
    if (start.total_steps == 0) throw sdk::failed_precondition("mixture-ramp needs a run with a known number of steps");
    for (const auto& [name, list] : {std::pair<const char*, const std::vector<double>&>{"from", from_}, {"to", to_}}) {
      if (list.size() != num_columns) {
        throw sdk::invalid(name, " has ", list.size(), " numbers, the run has ", num_columns, " ", what());
      }
      check_rows(name, list, num_columns);
    }
  }

  std::vector<double> weights(const sdk::Progress& at) const override {
    const double moved = moved_at(at.step);
    const std::vector<double> from = normalised(from_), to = normalised(to_);
    std::vector<double> out(from.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = from[i] * (1 - moved) + to[i] * moved;
    return out;
  }

  /// 0 at the first blend, 1 at the last.
  double moved_at(std::uint64_t step) const {
    const auto after = static_cast<double>(step) - static_cast<double>(start_.steps);
    if (after >= static_cast<double>(length_.steps)) return 1;
    if (after <= 0) return 0;
    double part = after / static_cast<double>(length_.steps);
    if (moves_ > 0) part = std::floor(part * static_cast<double>(moves_)) / static_cast<double>(moves_);
    return shape_ == "linear" ? part : 0.5 * (1 - std::cos(kPi * part));
  }

  std::vector<double> from_, to_;
  sdk::Duration start_{"0st"}, length_{"1dur"};
  std::string shape_ = "linear";
  std::int64_t moves_ = 0;
};

ESPALIER_PLUGIN(MixtureRamp);
