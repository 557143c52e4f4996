// Data mixture in step with growth: each stage opens further difficulty tiers.
#include <espalier/recipes/mixture.hpp>
#include <espalier/sdk.hpp>

#include <algorithm>
#include <numeric>

namespace sdk = espalier::sdk;

class TierSync final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<TierSync>& about) {
    about.id("org.espalier.schedule.tier-sync").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("opens harder data tiers as the model grows");
    about.url("https://arxiv.org/abs/2506.11389");
    about.citation("Singh, Band and Adeli, Curriculum-Guided Layer Scaling, 2025");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("opened", &TierSync::opened_, "open tiers at each stage; empty: ceil((stage + 1) * tiers / stages)")
        .min(1);
    about.param("focus", &TierSync::focus_, "extra share of the tiers opened last, on top of equal weights")
        .min(0)
        .max(kLargestFocus)
        .tunable();
    about
        .param("weights", &TierSync::weights_,
               "instead of opened and focus: a weight a tier, easiest first, for each stage in turn")
        .min(0);
    about
        .param("phase_a", &TierSync::phase_a_, "phase 1 of a stage: the stage's own mixture, or the same for all tiers")
        .choices({"stage", "balanced"});
    about
        .param("phase_a_weights", &TierSync::phase_a_weights_,
               "phase_a balanced: a weight a tier, easiest first; empty: equal")
        .min(0);
    sdk::describe_order(about, &TierSync::order_);
  }

  void bind(sdk::Call& call, const sdk::Progress& start, const std::vector<std::string>& keys) override {
    const std::int64_t num_tiers = static_cast<std::int64_t>(keys.size());
    num_stages_ = std::max<std::int64_t>(start.num_stages, 1);
    tiers_.clear();
    for (const std::string& key : keys) {
      const std::int64_t tier = tier_of(key);
      if (tier >= num_tiers || std::find(tiers_.begin(), tiers_.end(), tier) != tiers_.end()) {
        throw sdk::invalid("tier-sync needs each of data.tier.0 .. data.tier.", num_tiers - 1,
                           " once; it was asked for '", key, "'");
      }
      tiers_.push_back(tier);
    }
    ranks_.clear();
    const std::vector<std::size_t> rank = sdk::tier_ranks(call, order_, keys.size());
    for (const std::int64_t tier : tiers_) {
      ranks_.push_back(static_cast<std::int64_t>(rank[static_cast<std::size_t>(tier)]));
    }
    if (!opened_.empty()) check_opened(num_tiers);
    if (!weights_.empty()) check_weights(num_tiers);
    check_phase_a(num_tiers);
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    if (in_balanced_phase(at)) {
      for (std::size_t i = 0; i < tiers_.size(); ++i) out[i] = phase_a_weight(tiers_[i]);
      return;
    }
    if (!weights_.empty()) {
      for (std::size_t i = 0; i < tiers_.size(); ++i) out[i] = weight_at(at.stage, ranks_[i]);
      return;
    }
    const std::int64_t open = open_tiers(at.stage);
    std::int64_t newest = 0;  // first of the tiers that opened last
    for (std::int64_t stage = 1; stage <= at.stage; ++stage) {
      if (open_tiers(stage) > open_tiers(stage - 1)) newest = open_tiers(stage - 1);
    }
    for (std::size_t i = 0; i < tiers_.size(); ++i) {
      double weight = 0;
      if (ranks_[i] < open) weight = (1 - focus_) / static_cast<double>(open);
      if (ranks_[i] >= newest && ranks_[i] < open) weight += focus_ / static_cast<double>(open - newest);
      out[i] = weight;
    }
  }

  /// The end of this stage, where the host knows it: after phase A nothing changes within a stage.
  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    if (in_balanced_phase(at)) return at.step + 1;  // how long the phase lasts is the strategy's business
    if (at.stage + 1 >= num_stages_ || at.stage_total_steps == 0) return kNever;
    return at.step - at.stage_step + at.stage_total_steps;
  }

 private:
  static constexpr double kLargestFocus = 0.999;  // below 1, so that every open tier keeps a share

  static constexpr std::uint32_t kPhaseA = 1;

  bool in_balanced_phase(const sdk::Progress& at) const { return phase_a_ == "balanced" && at.phase == kPhaseA; }

  double phase_a_weight(std::int64_t tier) const {
    if (phase_a_weights_.empty()) return 1 / static_cast<double>(tiers_.size());
    return share(phase_a_weights_, 0, tier);
  }

  double weight_at(std::int64_t stage, std::int64_t tier) const {
    return share(weights_, std::min(stage, num_stages_ - 1), tier);
  }

  /// A tier's part of a row of weights.
  double share(const std::vector<double>& rows, std::int64_t row, std::int64_t tier) const {
    const auto begin = rows.begin() + row * static_cast<std::int64_t>(tiers_.size());
    return begin[tier] / std::accumulate(begin, begin + static_cast<std::int64_t>(tiers_.size()), 0.0);
  }

  static std::int64_t tier_of(const std::string& key) {
    static const std::string kPrefix = "data.tier.";
    const std::string number = key.substr(std::min(key.size(), kPrefix.size()));
    if (key.compare(0, kPrefix.size(), kPrefix) != 0 || number.empty() || number.size() > 6 ||
        number.find_first_not_of("0123456789") != std::string::npos) {
      throw sdk::unimplemented("tier-sync fills 'data.tier.<i>' only, not '", key, "'");
    }
    return std::stoll(number);
  }

  void check_opened(std::int64_t num_tiers) const {
    if (static_cast<std::int64_t>(opened_.size()) != num_stages_) {
      throw sdk::invalid("opened has ", opened_.size(), " numbers, the run has ", num_stages_, " stages");
    }
    if (opened_.back() > num_tiers) throw sdk::invalid("opened asks for tier ", opened_.back(), " of ", num_tiers);
    if (!std::is_sorted(opened_.begin(), opened_.end())) throw sdk::invalid("opened must not fall from stage to stage");
  }

  void check_weights(std::int64_t num_tiers) const {
    if (!opened_.empty() || focus_ != 0) throw sdk::invalid("weights stands instead of opened and focus: drop those");
    if (static_cast<std::int64_t>(weights_.size()) != num_stages_ * num_tiers) {
      throw sdk::invalid("weights has ", weights_.size(), " numbers, the run has ", num_stages_, " stages of ",
                         num_tiers, " tiers");
    }
    for (std::int64_t stage = 0; stage < num_stages_; ++stage) {
      const auto begin = weights_.begin() + stage * num_tiers;
      if (*std::max_element(begin, begin + num_tiers) > 0) continue;
      throw sdk::invalid("weights leaves stage ", stage + 1, " no tier to train on");
    }
  }

  void check_phase_a(std::int64_t num_tiers) const {
    if (phase_a_weights_.empty()) return;
    if (phase_a_ != "balanced") throw sdk::invalid("phase_a_weights does nothing without phase_a = \"balanced\"");
    if (static_cast<std::int64_t>(phase_a_weights_.size()) != num_tiers) {
      throw sdk::invalid("phase_a_weights has ", phase_a_weights_.size(), " numbers, the run has ", num_tiers,
                         " tiers");
    }
    if (*std::max_element(phase_a_weights_.begin(), phase_a_weights_.end()) <= 0) {
      throw sdk::invalid("phase_a_weights leaves no tier to train on");
    }
  }

  std::int64_t open_tiers(std::int64_t stage) const {
    stage = std::min(stage, num_stages_ - 1);
    if (!opened_.empty()) return opened_[static_cast<std::size_t>(stage)];
    const std::int64_t num_tiers = static_cast<std::int64_t>(tiers_.size());
    return ((stage + 1) * num_tiers + num_stages_ - 1) / num_stages_;
  }

  std::vector<std::int64_t> opened_;
  double focus_ = 0;
  std::vector<double> weights_;  // [stage, tier]
  std::string phase_a_ = "stage";
  std::vector<double> phase_a_weights_;
  std::int64_t num_stages_ = 1;
  std::string order_ = "easy-first";
  std::vector<std::int64_t> tiers_;  // the tier of each bound key
  std::vector<std::int64_t> ranks_;  // and its place in the order
};

ESPALIER_PLUGIN(TierSync);
