// Which cell (source, tier) the next sample comes from.
//
// With source weights w and tier weights v:   P(tier) = v(tier) / sum over tiers that have data,
//   P(source | tier) proportional to w(source) * tokens(source, tier) / tokens(source).
// Without tier weights: P(source, tier) proportional to w(source) * tokens(source, tier) / tokens(source), so the data
// is mixed by source weights alone. Source weights default to the sources' numbers of tokens.
//
// Each draw adds its probability to every cell's credit, takes the cell with the most credit and lowers that by one. So
// the realised fractions follow the requested ones to within about a sample per cell, also while the weights change:
// the credits carry over. No random numbers are used. Where samples are padded, a cell is drawn the more often the less
// of a sample is text, so that the fractions are those of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace espalier {

// Empty vectors mean the default. Numbers are relative, finite and not negative.
struct MixtureWeights {
  std::vector<double> sources, tiers;
  friend bool operator==(const MixtureWeights&, const MixtureWeights&) = default;
};

struct CellSize {
  int32_t source = 0, tier = 0;
  uint64_t tokens = 0;
  double fill = 1;  // the part of its samples that is text, not padding
};

class Mixture {
 public:
  // `source_weights` are the configured defaults, one a source; all zero: by tokens. Cells without tokens are not
  // given.
  Mixture(std::vector<CellSize> cells, std::vector<double> source_weights, int32_t num_tiers);

  // Takes effect at the next draw. Throws Error(config) for a wrong count, a negative or non-finite number, or weights
  // that leave nothing to draw from although every cell is still there.
  void set_weights(const MixtureWeights& weights);
  const MixtureWeights& weights() const { return weights_; }

  // The next cell, or -1 when no cell with weight is left.
  int32_t draw();
  // The cell gives no more samples.
  void retire(size_t cell);
  const std::vector<double>& probabilities() const { return probabilities_; }

  std::vector<double> credit() const;
  // Brings back a saved position: weights, the cells still there, credits.
  void restore(const MixtureWeights& weights, std::vector<bool> retired, std::vector<double> credit);

 private:
  void update_probabilities();
  void pack_active();

  std::vector<CellSize> cells_;
  std::vector<double> default_source_weights_;
  size_t num_tiers_;
  MixtureWeights weights_;
  std::vector<double> share_;  // tokens(source, tier) / tokens(source), per cell
  std::vector<bool> retired_;
  std::vector<double> probabilities_;
  std::vector<double> credit_;  // of the cells that are not active; for those see below
  // The cells with a probability, in their order, packed for draw(), which adds to all of them: in whole cache lines.
  struct alignas(64) Line {
    double values[8];
  };
  std::vector<uint32_t> active_;
  std::vector<Line> active_probability_, active_credit_;
};

}  // namespace espalier
