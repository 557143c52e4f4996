// Batch size or sequence length that rises at the beginning of the run.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <cmath>

namespace sdk = espalier::sdk;

class RampUp final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<RampUp>& about) {
    about.id("org.espalier.schedule.ramp-up").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("batch size or sequence length that rises at the beginning of the run");
    about.citation("batch: Brown et al., GPT-3, NeurIPS 2020; sequence length: Li et al., NeurIPS 2022");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("values", &RampUp::values_, "the sizes in turn, rising; the last one stays").min(1);
    about.param("start", &RampUp::start_, "instead of values: the first size").min(0);
    about.param("end", &RampUp::end_, "with start: the last size, which stays").min(0);
    about.param("increment", &RampUp::increment_, "with start: the rise from size to size").min(0);
    about.param("length", &RampUp::length_, "how long the rise takes, in steps or a part of the run").tunable();
    about.param("tokens", &RampUp::tokens_, "instead of length: the same in tokens trained on").min(0).tunable();
    about.param("samples", &RampUp::samples_, "instead of length: the same in sequences, for the batch only").min(0);
  }

  void check(sdk::Call&) override {
    const bool line = start_ != 0 || end_ != 0 || increment_ != 0;
    if (values_.empty() != line) throw sdk::invalid("give either values, or start, end and increment");
    if (line) list_values();
    for (std::size_t i = 1; i < values_.size(); ++i) {
      if (values_[i] <= values_[i - 1]) throw sdk::invalid("values must rise");
    }
    if ((length_.steps != 0) + (tokens_ != 0) + (samples_ != 0) != 1) {
      throw sdk::invalid("give one of length, tokens and samples, above 0");
    }
  }

  void bind(sdk::Call&, const sdk::Progress&, const std::vector<std::string>& keys) override {
    if (keys.size() != 1 || (keys[0] != kBatch && keys[0] != kSeqLen)) {
      throw sdk::unimplemented("ramp-up fills '", kBatch, "' or '", kSeqLen, "' alone");
    }
    if (samples_ == 0) return;
    if (keys[0] == kSeqLen) throw sdk::invalid("samples is for the batch: give length or tokens");
    plan_samples();
  }

  void value(sdk::Call&, const sdk::Progress& at, sdk::Span<double> out) override {
    out[0] = static_cast<double>(values_[index_at(at)]);
  }

  std::uint64_t next_change(sdk::Call&, const sdk::Progress& at) override {
    const std::size_t index = index_at(at);
    if (index + 1 == values_.size()) return kNever;
    if (samples_ != 0) return starts_[index + 1];
    if (tokens_ != 0) return at.step + 1;  // depends on the tokens of a step
    const double share = static_cast<double>(index + 1) / static_cast<double>(values_.size() - 1);
    return static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(length_.steps) - kSlack));
  }

 private:
  static constexpr const char* kBatch = "batch.sequences";
  static constexpr const char* kSeqLen = "seq_len";
  static constexpr double kSlack = 1e-9;  // for quotients that are whole on paper

  void list_values() {
    if (start_ < 1 || end_ <= start_ || increment_ < 1) {
      throw sdk::invalid("start, end and increment: all three, end above start, increment at least 1");
    }
    if ((end_ - start_) % increment_ != 0) {
      throw sdk::invalid("increment ", increment_, " does not lead from ", start_, " to ", end_);
    }
    for (std::int64_t value = start_; value <= end_; value += increment_) values_.push_back(value);
  }

  /// First step of each size: a size goes on until its part of the samples has been drawn.
  void plan_samples() {
    starts_.assign(1, 0);
    std::uint64_t step = 0, drawn = 0;
    const auto sizes = static_cast<double>(values_.size() - 1);
    for (std::size_t i = 0; i + 1 < values_.size(); ++i) {
      const double until = static_cast<double>(samples_) * static_cast<double>(i + 1) / sizes;
      const double missing = until - static_cast<double>(drawn);
      const auto size = static_cast<std::uint64_t>(values_[i]);
      if (missing > 0) {
        const auto steps = static_cast<std::uint64_t>(std::ceil(missing / static_cast<double>(size) - kSlack));
        step += steps;
        drawn += steps * size;
      }
      starts_.push_back(step);
    }
  }

  std::size_t index_at(const sdk::Progress& at) const {
    if (samples_ != 0) {
      return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), at.step) - starts_.begin()) - 1;
    }
    const double part = tokens_ != 0 ? static_cast<double>(at.tokens) / tokens_
                                     : static_cast<double>(at.step) / static_cast<double>(length_.steps);
    const auto last = values_.size() - 1;
    if (part >= 1) return last;
    return std::min(last, static_cast<std::size_t>(std::floor(part * static_cast<double>(last) + kSlack)));
  }

  std::vector<std::int64_t> values_;
  std::int64_t start_ = 0, end_ = 0, increment_ = 0;
  sdk::Duration length_{"0st"};
  double tokens_ = 0;
  std::int64_t samples_ = 0;
  std::vector<std::uint64_t> starts_;  // with samples: first step of each size
};

ESPALIER_PLUGIN(RampUp);
