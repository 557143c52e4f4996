// Base class of learning-rate schedules: what becomes of the learning rate when the model grows.
#pragma once

#include <espalier/cpp/schedule.hpp>

#include <algorithm>

namespace espalier::sdk {

/// The steps that a learning-rate formula counts: those of the run, or those of one stage.
struct LrClock {
  std::string of;     ///< for messages: "the run", "stage 2"
  double step = 0;    ///< steps done on this clock
  double total = 0;   ///< steps of the whole clock
  double warmup = 0;  ///< linear warm-up at its beginning, in steps
  std::int64_t run_total = 0;

  /// A duration of the run, in proportion on this clock: "1dur" is the whole of it.
  double scaled(const Duration& duration) const {
    const auto steps = static_cast<double>(duration.steps);
    const auto run = static_cast<double>(run_total);
    return total == run ? steps : steps * total / run;
  }

  /// A number of steps as messages write it.
  static std::int64_t whole(double steps) { return static_cast<std::int64_t>(steps + 0.5); }
};

/// A learning rate given by a formula over a clock. The user chooses with `on_growth` what a growth does to it:
///   continue  nothing: one schedule over the run
///   rewarm    the schedule goes on, times a linear rise over the first `rewarm` steps of each later stage
///             (staged training, Shen et al. 2022, arXiv 2203.06211)
///   restart   each stage runs the whole schedule over its own steps; later stages warm up for `rewarm` steps
///             (G_stack, Du et al. 2024, arXiv 2405.15319)
///   rewind    each later stage begins again at the end of the run's warm-up, on the run's clock, times the linear rise
///             (MSG, Yao et al. 2024, arXiv 2305.02869); the run ends before the schedule does
class StageLr : public Schedule {
 public:
  void bind(Call&, const Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "lr");
    run_total_ = static_cast<std::int64_t>(start.total_steps);
    if (run_total_ == 0) throw failed_precondition("the learning rate needs a run with a known number of steps");
    if (on_growth_ == "continue" && rewarm_.steps != 0) {
      throw invalid("rewarm does nothing with on_growth = \"continue\": choose \"rewarm\", \"restart\" or \"rewind\"");
    }
    check_clock(run_clock(0));
  }

  void value(Call&, const Progress& at, Span<double> out) override {
    const LrClock clock = clock_at(at);
    out[0] = rise(at) * lr(clock, at.lr_peak);
  }

 protected:
  /// Adds the parameters that all of these schedules share.
  template <class Derived>
  static void describe_stages(Description<Derived>& about) {
    about.param("warmup", &StageLr::warmup_, "linear warm-up to the peak");
    about.param("on_growth", &StageLr::on_growth_, "what a growth does to the schedule")
        .choices({"continue", "rewarm", "restart", "rewind"});
    about.param("rewarm", &StageLr::rewarm_, "linear rise at the beginning of each later stage");
  }

  /// The learning rate at clock.step.
  virtual double lr(const LrClock& clock, double peak) const = 0;
  /// Throws Error where the schedule does not fit into the clock.
  virtual void check_clock(const LrClock& clock) const = 0;

 private:
  LrClock run_clock(double step) const {
    return {"the run", step, static_cast<double>(run_total_), static_cast<double>(warmup_.steps), run_total_};
  }

  LrClock clock_at(const Progress& at) const {
    if (on_growth_ == "restart") return stage_clock(at);
    if (on_growth_ == "rewind" && at.stage > 0) {
      return run_clock(static_cast<double>(warmup_.steps) + static_cast<double>(at.stage_step));
    }
    return run_clock(static_cast<double>(at.step));
  }

  LrClock stage_clock(const Progress& at) const {
    if (at.stage_total_steps == 0) {
      throw failed_precondition("on_growth = \"restart\" needs stages of known length; stage ", at.stage + 1,
                                " is open-ended");
    }
    // A trigger may have opened the last stage before its planned step; then it is longer than planned.
    std::uint64_t total = at.stage_total_steps;
    if (at.stage + 1 >= at.num_stages) total = std::max(total, at.total_steps - (at.step - at.stage_step));
    LrClock clock{cat("stage ", at.stage + 1), static_cast<double>(at.stage_step), static_cast<double>(total),
                  static_cast<double>(at.stage == 0 ? warmup_.steps : rewarm_.steps), run_total_};
    check_clock(clock);
    return clock;
  }

  /// The factor after a growth; "restart" warms up by itself.
  double rise(const Progress& at) const {
    if (at.stage == 0 || on_growth_ == "continue" || on_growth_ == "restart") return 1;
    const auto steps = static_cast<std::uint64_t>(rewarm_.steps);
    if (at.stage_total_steps != 0 && steps > at.stage_total_steps) {
      throw invalid("rewarm (", steps, " steps) is longer than stage ", at.stage + 1, " (", at.stage_total_steps, ")");
    }
    return at.stage_step < steps ? static_cast<double>(at.stage_step + 1) / static_cast<double>(steps) : 1.0;
  }

  Duration warmup_{"0st"};
  std::string on_growth_ = "continue";
  Duration rewarm_{"0st"};
  std::int64_t run_total_ = 0;
};

}  // namespace espalier::sdk
