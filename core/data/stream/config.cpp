#include "core/data/stream/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"

namespace espalier {
namespace {

const Choices& packings() {
  static const Choices choices{"concat", "best-fit"};
  return choices;
}

}  // namespace

Packing parse_packing(const std::string& text, const std::string& place) {
  const auto& all = packings();
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end())
    throw Error(ErrorCode::config, fmt::format("packing = \"{}\" is not known", text), place, "use concat or best-fit");
  return static_cast<Packing>(found - all.begin());
}

const char* name_of(Packing packing) {
  return packing == Packing::concat ? "concat" : "best-fit";
}

void QualityConfig::fields(Fields& f) {
  f.field("report", report,
          "Report at the end of each growth stage what was trained on: repeated texts, lengths, vocabulary against the "
          "stage before, listed words, patterns of personal data, and the loss of every source.");
  f.field("words", words, "File of words to count, one a line; '#' begins a comment. Empty: none.");
  f.field("max_duplicates", max_duplicates,
          "Stop with exit code 3 at the end of a stage in which a larger share of the texts were repeats; 0 = off.",
          Range::between(0, 1));
  f.field("max_drift", max_drift,
          "The same for the Jensen-Shannon divergence, in bits, of the stage's words from the stage before; 0 = off.",
          Range::between(0, 1));
  f.field("max_listed_words", max_listed_words, "The same for listed words in a million words; 0 = off.",
          Range::at_least(0));
  f.field("max_personal_data", max_personal_data,
          "The same for e-mail addresses and telephone numbers in a million words; 0 = off.", Range::at_least(0));
}

void DataConfig::fields(Fields& f) {
  PrepareConfig::fields(f);
  f.field("prefetch", prefetch, "Micro-batches made ready ahead of the training step.", Range::between(1, 1024));
  f.field(
      "packing", packing,
      "How documents fill blocks: joined and cut (concat), or put together whole, the rest of a block being padding "
      "without loss (best-fit).",
      packings());
  f.field("block_tokens", block_tokens,
          "Tokens that are shuffled as one piece and handed out as block_tokens / seq_len samples in a row, so that "
          "seq_len may change without another order of the data; a multiple of seq_len, 0 = training.seq_len.",
          Range::at_least(0));
  f.field("document_mask", document_mask, "Attention stays inside a document.");
  f.field("restart_positions", restart_positions,
          "With document_mask, learned positions count from the start of each document instead of the row; rotary "
          "positions only see distances, so they stay as they are.");
  f.table("quality", quality, "What each growth stage trained on, and bounds that stop the run at its end.");
}

void check(const DataConfig& config) {
  check(static_cast<const PrepareConfig&>(config));
  parse_packing(config.packing, "data.packing");
  const auto& quality = config.quality;
  if (!quality.report && (!quality.words.empty() || quality.max_duplicates > 0 || quality.max_drift > 0 ||
                          quality.max_listed_words > 0 || quality.max_personal_data > 0))
    throw Error(ErrorCode::config, "a list of words or a bound on the data does nothing without a report",
                "data.quality", "set data.quality.report = true");
  if (config.restart_positions && !config.document_mask)
    throw Error(ErrorCode::config, "restart_positions needs document_mask", "data.restart_positions",
                "set data.document_mask = true, or leave restart_positions out");
}

}  // namespace espalier
