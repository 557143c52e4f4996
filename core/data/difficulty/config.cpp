#include "core/data/difficulty/config.h"

namespace espalier {

void DifficultyConfig::fields(Fields& f) {
  f.plugin(plugin, "Scorer of documents; empty: no difficulty, one tier.");
  f.field("tiers", tiers,
          "Tiers that the training documents are split into, easy to hard: of equal token mass, or with tier_by = "
          "\"file\" as the file says.",
          Range::between(1, 255));
  f.field(
      "tier_by", tier_by,
      "What makes the tiers: \"quantile\" of the scores, counted in tokens; \"threshold\" on the scores; \"source\" "
      "(`tier` of each source); \"label\" (label_field of each source, tier_labels); \"file\" (tier_file).",
      Choices{"quantile", "threshold", "source", "label", "file"});
  f.field("tier_labels", tier_labels, "With tier_by = \"label\": the labels, one a tier, the easiest first.");
  f.field(
      "quantiles", quantiles,
      "With tier_by = \"quantile\": shares of the tokens, rising, at which tiers end, [0.5, 0.9]; empty: `tiers` equal "
      "parts.",
      Range::between(0, 1));
  f.field("thresholds", thresholds, "With tier_by = \"threshold\": scores, rising, at which a harder tier begins.");
  f.field("tier_file", tier_file,
          "With tier_by = \"file\": JSON lines or CSV with `tier` and `source` and `document`, or `hash`, for each "
          "training document.");
  f.field("isolate", isolate,
          "Run scorers in a process of their own, so that one that crashes or hangs cannot take the run with it.");
  f.field("call_timeout", call_timeout,
          "Seconds after which one call into an isolated scorer (a batch of about 262,144 tokens, or the end of a fit) "
          "is given up.",
          Range::above(0));
  f.field("max_unscored", max_unscored,
          "Largest share of training documents that the scorer may leave without a score (NaN).", Range::between(0, 1));
  f.field("threads", threads, "Threads that score documents; 0 = one a core. The scores do not depend on it.",
          Range::between(0, 1024));
}

}  // namespace espalier
