#include "core/data/difficulty/scoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/cpus.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/data/difficulty/doc_batches.h"
#include "core/data/difficulty/scorer_fit.h"
#include "core/data/difficulty/side_car.h"

namespace espalier {
namespace {

constexpr uint64_t kBatchTokens = uint64_t{1} << 18;
constexpr uint64_t kPartTokens = uint64_t{1} << 21;
constexpr int kDeepestInput = 4;

// One scorer over all shards.
class Scoring {
 public:
  Scoring(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, DifficultyScorer& scorer,
          const ScoringOptions& options, int depth)
      : shards_(shards), tokenizer_(tokenizer), scorer_(scorer), options_(options), depth_(depth) {
    for (const auto& shard : shards_) opened_.push_back(shard.shard);
    ranges_ = cut_documents(opened_, kBatchTokens);
    threads_ = options.threads > 0 ? options.threads : usable_cpus().threads;
  }

  ScoringReport run() {
    const auto start = std::chrono::steady_clock::now();
    score_inputs();
    name_side_cars();
    if (!read_side_cars()) {
      fit();
      score();
      report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      report_.text_bytes = text_bytes_;
    }
    for (const auto& shard : shards_) {
      report_.documents += shard.scores.size();
      for (const float score : shard.scores) report_.unscored += std::isnan(score) ? 1 : 0;
    }
    return report_;
  }

  const std::string& side_car_name() const { return name_; }

 private:
  void score_inputs() {
    const auto inputs = scorer_.inputs();
    if (inputs.empty()) return;
    if (options_.inputs == nullptr)
      throw Error(ErrorCode::plugin, "asks for other scores, which are not available here", scorer_.name());
    if (depth_ >= kDeepestInput)
      throw Error(ErrorCode::plugin, fmt::format("has inputs of inputs, more than {} deep", kDeepestInput),
                  scorer_.name());
    for (const auto& input : inputs) {
      const auto other = options_.inputs->make(input, scorer_.name());
      std::vector<ScoredShard> scored = shards_;
      for (auto& shard : scored) shard.scores.clear();
      Scoring scoring(scored, tokenizer_, *other, options_, depth_ + 1);
      scoring.run();
      input_names_.push_back(scoring.side_car_name());
      inputs_.push_back(std::move(scored));
    }
  }

  void name_side_cars() {
    std::string fitted_on;
    if (scorer_.needs_fit())
      for (const auto& shard : shards_) fitted_on += shard.key + "\n";
    if (!fitted_on.empty()) fitted_on = sha256_bytes(fitted_on);
    const std::string fingerprint = scorer_.fingerprint();
    for (auto& shard : shards_) {
      keys_.push_back({fingerprint, shard.key, fitted_on, input_names_});
      name_ = keys_.back().name();
      shard.side_car = side_car_path(shard.stem, name_);
    }
  }

  // True when all shards have one.
  bool read_side_cars() {
    bool all = true;
    for (size_t s = 0; s < shards_.size(); ++s) {
      auto found = read_side_car(shards_[s].side_car, keys_[s], opened_[s]->num_documents());
      known_.push_back(found.has_value());
      all = all && known_[s];
      if (found) shards_[s].scores = *std::move(found);
      report_.reused += shards_[s].scores.size();
    }
    return all;
  }

  DocBatch read(DocBuffer& buffer, const DocRange& range) const {
    std::vector<const std::vector<float>*> columns;
    for (const auto& input : inputs_) columns.push_back(&input[range.shard].scores);
    return buffer.read(*opened_[range.shard], range, columns);
  }

  // What goes wrong in a call into the scorer names the documents at hand.
  template <class Call>
  void naming(const DocRange& range, const Call& call) const {
    try {
      call();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::plugin) throw;
      throw Error(ErrorCode::plugin,
                  fmt::format("{} (source \"{}\", documents {} to {} of {})", error.message(),
                              shards_[range.shard].source, range.first, range.last - 1, opened_[range.shard]->path()),
                  error.place(), error.hint());
    }
  }

  void fit() {
    if (!scorer_.needs_fit()) return;
    log_info("fitting the difficulty scorer {}", scorer_.name());
    const auto make_fit = [this]() -> FitRange {
      return [this, buffer = std::make_shared<DocBuffer>(tokenizer_, scorer_.needs_tokens())](DifficultyScorer& scorer,
                                                                                              const DocRange& range) {
        const DocBatch docs = read(*buffer, range);
        naming(range, [&] { scorer.fit_batch(docs); });
      };
    };
    fit_scorer(scorer_, fit_parts(ranges_, opened_, kPartTokens), make_fit, threads_);
  }

  void score() {
    log_info("scoring the documents with {}", scorer_.name());
    std::vector<std::atomic<size_t>> left(shards_.size());
    for (size_t s = 0; s < shards_.size(); ++s)
      if (!known_[s]) shards_[s].scores.assign(opened_[s]->num_documents(), 0);
    for (const auto& range : ranges_) ++left[range.shard];
    std::atomic<size_t> next = 0;
    std::atomic<bool> failed = false;
    std::mutex mutex;
    std::pair<size_t, std::exception_ptr> first{ranges_.size(), nullptr};
    const auto work = [&] {
      DocBuffer buffer(tokenizer_, scorer_.needs_tokens());
      for (size_t i = next++; i < ranges_.size() && !failed; i = next++) {
        if (known_[ranges_[i].shard]) continue;
        try {
          score_range(buffer, ranges_[i]);
          if (--left[ranges_[i].shard] == 0) keep(ranges_[i].shard);
        } catch (...) {
          failed = true;
          const std::lock_guard lock(mutex);
          if (i < first.first) first = {i, std::current_exception()};
        }
      }
    };
    {
      std::vector<std::jthread> threads;
      const size_t more = scorer_.concurrent() ? std::min(static_cast<size_t>(threads_), ranges_.size()) : 1;
      for (size_t t = 1; t < more; ++t) threads.emplace_back(work);
      work();
    }
    if (first.second) std::rethrow_exception(first.second);
    for (size_t s = 0; s < shards_.size(); ++s)
      if (!known_[s] && shards_[s].scores.empty()) keep(s);  // a shard without documents has no range
  }

  void score_range(DocBuffer& buffer, const DocRange& range) {
    const DocBatch docs = read(buffer, range);
    std::vector<float> scores;
    naming(range, [&] {
      scores = scorer_.score(docs);
      if (scores.size() != docs.count())
        throw Error(ErrorCode::plugin, fmt::format("gave {} scores for {} documents", scores.size(), docs.count()),
                    scorer_.name());
      if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isinf(score); }))
        throw Error(ErrorCode::plugin, "gave an infinite score", scorer_.name());
    });
    std::copy(scores.begin(), scores.end(),
              shards_[range.shard].scores.begin() + static_cast<std::ptrdiff_t>(range.first));
    text_bytes_ += buffer.text_bytes();
  }

  void keep(size_t shard) const { write_side_car(shards_[shard].side_car, keys_[shard], shards_[shard].scores); }

  std::vector<ScoredShard>& shards_;
  const Tokenizer& tokenizer_;
  DifficultyScorer& scorer_;
  const ScoringOptions& options_;
  const int depth_;
  int64_t threads_;
  std::vector<const TokenShard*> opened_;
  std::vector<DocRange> ranges_;
  std::vector<std::vector<ScoredShard>> inputs_;  // one an input
  std::vector<std::string> input_names_;
  std::vector<SideCarKey> keys_;  // one a shard
  std::string name_;
  std::vector<bool> known_;  // one a shard
  std::atomic<uint64_t> text_bytes_ = 0;
  ScoringReport report_;
};

}  // namespace

ScoringReport score_shards(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, DifficultyScorer& scorer,
                           const ScoringOptions& options) {
  const ScoringReport report = Scoring(shards, tokenizer, scorer, options, 0).run();
  const auto most = options.max_unscored * static_cast<double>(report.documents);
  if (static_cast<double>(report.unscored) > most)
    throw Error(ErrorCode::plugin,
                fmt::format("gave no score (NaN) to {} of {} documents, more than difficulty.max_unscored = {} allows",
                            report.unscored, report.documents, options.max_unscored),
                scorer.name(), "choose another scorer or other parameters, or raise difficulty.max_unscored");
  return report;
}

}  // namespace espalier
