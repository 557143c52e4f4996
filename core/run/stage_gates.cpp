#include "core/run/stage_gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/base/log.h"
#include "core/base/text.h"

namespace espalier {

StageGates::StageGates(QualityConfig config, const Tokenizer& tokenizer)
    : config_(std::move(config)),
      tokenizer_(tokenizer),
      quality_(config_.words.empty() ? WordFilter() : WordFilter(config_.words)) {}

void StageGates::add(const TokenBatch& batch) {
  const size_t width = batch.tokens.size() / batch.rows.size();
  for (size_t row = 0; row < batch.rows.size(); ++row) {
    const auto length = std::min<size_t>(batch.rows[row].tokens, width);
    std::span<const int32_t> rest(batch.tokens.data() + row * width, length);
    while (!rest.empty()) {
      const auto end = std::find(rest.begin(), rest.end(), tokenizer_.eos());
      const auto size = static_cast<size_t>(end - rest.begin());
      if (size > 0) quality_.add(tokenizer_.decode(rest.first(size)));
      rest = rest.subspan(std::min(size + 1, rest.size()));
    }
  }
}

void StageGates::load_state(const std::string& bytes) {
  if (quality_.load_state(bytes)) return;
  log_warning("data.quality.words is another list than before: what is known of this stage's data begins anew");
}

StageGates::Passed StageGates::passed(const StageReport& report) const {
  const auto over = [](double bound, double value) { return bound > 0 && value > bound; };
  const double personal = report.emails_per_million + report.phones_per_million;
  if (over(config_.max_duplicates, report.duplicate_share))
    return {"data.quality.max_duplicates", fmt::format("{:.1f} % of its texts were repeats, the bound is {:.1f} %",
                                                       100 * report.duplicate_share, 100 * config_.max_duplicates)};
  if (over(config_.max_drift, report.vocabulary_drift.value_or(0)))
    return {"data.quality.max_drift",
            fmt::format("its words lie {:.3f} bits from those of the stage before, the bound is {:.3f}",
                        *report.vocabulary_drift, config_.max_drift)};
  if (over(config_.max_listed_words, report.listed_words_per_million))
    return {"data.quality.max_listed_words", fmt::format("{:.1f} listed words in a million, the bound is {:.1f}",
                                                         report.listed_words_per_million, config_.max_listed_words)};
  if (over(config_.max_personal_data, personal))
    return {"data.quality.max_personal_data",
            fmt::format("{:.1f} e-mail addresses and telephone numbers in a million words, the bound is {:.1f}",
                        personal, config_.max_personal_data)};
  return {};
}

std::string StageGates::describe(const StageReport& report) {
  std::string out = fmt::format(
      "{} texts of {:.1f} words, {:.1f} % repeats{}, {:.1f} listed words, {:.1f} e-mail addresses and {:.1f} telephone "
      "numbers in a million",
      with_commas(static_cast<int64_t>(report.documents)), report.mean_words, 100 * report.duplicate_share,
      report.duplicates_sampled ? " (estimated)" : "", report.listed_words_per_million, report.emails_per_million,
      report.phones_per_million);
  if (report.length_ratio) out += fmt::format(", {:.2f} times as long as in the stage before", *report.length_ratio);
  if (report.vocabulary_drift) out += fmt::format(", words {:.3f} bits from it", *report.vocabulary_drift);
  return out;
}

std::map<std::string, double> StageGates::metrics(const StageReport& report) {
  std::map<std::string, double> out{{"quality/texts", static_cast<double>(report.documents)},
                                    {"quality/duplicates", report.duplicate_share},
                                    {"quality/mean_words", report.mean_words},
                                    {"quality/listed_words_per_million", report.listed_words_per_million},
                                    {"quality/emails_per_million", report.emails_per_million},
                                    {"quality/phones_per_million", report.phones_per_million}};
  if (report.length_ratio) out["quality/length_ratio"] = *report.length_ratio;
  if (report.vocabulary_drift) out["quality/vocabulary_drift"] = *report.vocabulary_drift;
  return out;
}

}  // namespace espalier
