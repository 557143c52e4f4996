// Growth trigger: the next stage opens when the training loss falls too slowly.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>
#include <deque>

namespace sdk = espalier::sdk;

class Plateau final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Plateau>& about) {
    about.id("org.espalier.schedule.plateau").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("opens the next growth stage when the training loss falls too slowly");
    about.url("https://arxiv.org/abs/2203.06211");
    about.citation("mode slope: Shen et al., Staged Training for Transformer Language Models, ICML 2022");
    about.claims(ESP_CLAIM_DETERMINISTIC).state_version(1);
    about.param("mode", &Plateau::mode_, "plateau: fall of the loss over the window; slope: log loss over log compute")
        .choices({"plateau", "slope"});
    about.param("window", &Plateau::window_, "steps of a stage that the line is fitted to, at least 2").tunable();
    about
        .param("threshold", &Plateau::threshold_,
               "mode plateau: grow when the window's fall, as a part of its mean loss, is below")
        .min(0)
        .tunable();
    about.param("slope", &Plateau::slope_, "mode slope: grow when d log(loss) / d log(FLOPs) is above; below 0").max(0);
    about.param("min_stage", &Plateau::min_stage_, "shortest stage before the last").tunable();
    about.param("max_stage", &Plateau::max_stage_, "longest stage before the last; 0: the run divided by its stages");
  }

  void bind(sdk::Call&, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    require_only(keys, "growth.stage");
    if (start.total_steps == 0) throw sdk::failed_precondition("plateau needs a run with a known number of steps");
    if (start.num_stages == 0) throw sdk::failed_precondition("plateau needs the number of stages");
    num_stages_ = start.num_stages;
    total_steps_ = start.total_steps;
    shortest_ = std::max<std::uint64_t>(1, steps(min_stage_));
    longest_ = max_stage_.steps == 0 ? total_steps_ / num_stages_ : steps(max_stage_);
    if (num_stages_ > 1) check_settings();
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    std::size_t stage = 0;
    while (stage + 1 < num_stages_ && start_of(stage + 1) <= at.step) ++stage;
    out[0] = static_cast<double>(stage);
  }

  void observe(sdk::Call&, const sdk::Progress& at, const std::vector<sdk::Metric>& metrics) override {
    if (starts_.size() >= num_stages_) return;
    for (const sdk::Metric& metric : metrics) {
      if (metric.name == "train/loss") take(at, metric.value);
    }
    if (at.step >= start_of(starts_.size())) {
      open_next(start_of(starts_.size()));
    } else if (at.step >= starts_.back() + shortest_ && falls_too_slowly()) {
      open_next(at.step);
    }
  }

  void save(sdk::Call&, sdk::Writer& writer) const override {
    writer.u64(starts_.size());
    for (const std::uint64_t start : starts_) writer.u64(start);
    writer.u64(left_out_ ? 1 : 0);
    writer.u64(points_.size());
    for (const Point& point : points_) {
      writer.f64(point.x);
      writer.f64(point.y);
    }
  }

  void load(sdk::Call&, std::uint32_t, sdk::Reader& reader) override {
    starts_.clear();
    for (std::uint64_t left = reader.u64(); left > 0; --left) starts_.push_back(reader.u64());
    if (starts_.empty() || !std::is_sorted(starts_.begin(), starts_.end())) {
      throw sdk::data_loss("the saved stages are not in order");
    }
    left_out_ = reader.u64() != 0;
    points_.clear();
    for (std::uint64_t left = reader.u64(); left > 0; --left) {
      const double x = reader.f64();
      points_.push_back({x, reader.f64()});
    }
    while (points_.size() > steps(window_)) points_.pop_front();
    if (num_stages_ > 1) check_room();
  }

 private:
  struct Point {
    double x = 0, y = 0;
  };

  static std::uint64_t steps(const sdk::Duration& duration) { return static_cast<std::uint64_t>(duration.steps); }

  void check_settings() const {
    if (total_steps_ < num_stages_) {
      throw sdk::invalid(total_steps_, " steps are too few for ", num_stages_, " stages");
    }
    if (window_.steps < 2) throw sdk::invalid("window is ", window_.steps, " steps; a line needs at least 2");
    if (mode_ == "slope" && slope_ >= 0) {
      throw sdk::invalid(
          "mode \"slope\" needs a slope below 0; staged training's are -0.0575 before a growth of depth, "
          "-0.0475 of width, -0.03 of both");
    }
    if (shortest_ > longest_) {
      throw sdk::invalid("min_stage (", shortest_, " steps) is longer than max_stage (", longest_, ")");
    }
    if (steps(window_) > longest_) {
      throw sdk::invalid("window (", window_.steps, " steps) is longer than max_stage (", longest_,
                         "): it would never be full");
    }
    check_room();
  }

  /// The last stage must get a step even where every other one takes as long as it may.
  void check_room() const {
    if (starts_.size() > num_stages_) {
      throw sdk::failed_precondition("the saved state is in stage ", starts_.size(), ", the run has ", num_stages_);
    }
    if (start_of(num_stages_ - 1) < total_steps_) return;
    throw sdk::invalid("the last of ", num_stages_, " stages could get no step: with max_stage = ", longest_,
                       " steps it begins at step ", start_of(num_stages_ - 1), " of ", total_steps_);
  }

  /// The first step of a stage: what happened, then the latest that may happen.
  std::uint64_t start_of(std::size_t stage) const {
    if (stage < starts_.size()) return starts_[stage];
    return starts_.back() + (stage - (starts_.size() - 1)) * longest_;
  }

  void open_next(std::uint64_t start) {
    starts_.push_back(start);
    points_.clear();  // the jump at a growth must not look like a trend
  }

  /// Losses of phases other than 0 belong to other data or to few parameters; no line goes through them.
  void take(const sdk::Progress& at, double loss) {
    const bool left_out = left_out_;  // `at` is the step to come: the loss may be of the phase before
    left_out_ = at.phase != 0;
    if (left_out || left_out_) {
      points_.clear();
      return;
    }
    Point point{static_cast<double>(at.step), loss};
    if (mode_ == "slope") point = {std::log(at.flops), std::log(std::max(loss, kSmallestLoss))};
    points_.push_back(point);
    if (points_.size() > steps(window_)) points_.pop_front();
  }

  bool falls_too_slowly() const {
    if (points_.size() < steps(window_)) return false;
    const auto n = static_cast<double>(points_.size());
    double mean_x = 0, mean_y = 0;
    for (const Point& point : points_) {
      mean_x += point.x / n;
      mean_y += point.y / n;
    }
    double xx = 0, xy = 0;
    for (const Point& point : points_) {
      xx += (point.x - mean_x) * (point.x - mean_x);
      xy += (point.x - mean_x) * (point.y - mean_y);
    }
    const double slope = xy / xx;  // least squares
    if (mode_ == "slope") return slope > slope_;
    return -slope * (n - 1) < threshold_ * mean_y;
  }

  static constexpr double kSmallestLoss = 1e-12;  // a logarithm needs more than 0

  std::string mode_ = "plateau";
  sdk::Duration window_{"0.05dur"};
  double threshold_ = 0.01;
  double slope_ = 0;
  sdk::Duration min_stage_{"0st"};
  sdk::Duration max_stage_{"0st"};

  std::uint64_t num_stages_ = 0, total_steps_ = 0;
  std::uint64_t shortest_ = 1, longest_ = 0;  // steps of a stage before the last
  std::vector<std::uint64_t> starts_{0};      // of the stages that have begun
  std::deque<Point> points_;                  // the newest losses of the present stage
  bool left_out_ = false;                     // the newest loss was seen in a phase other than 0
};

ESPALIER_PLUGIN(Plateau);
