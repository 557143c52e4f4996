#include "core/data/tokenizer/bpe_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_map>

#include "core/base/error.h"

namespace espalier {
namespace {

using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t both = uint64_t{static_cast<uint32_t>(pair.first)} << 32 | static_cast<uint32_t>(pair.second);
    return both * 0x9E3779B97F4A7C15ULL >> 20;
  }
};

struct Candidate {
  int64_t count = 0;
  Pair pair;
};

// All distinct words one after the other as symbols, linked inside each word; of each pair of neighbours its count and
// the places where it was made. A merge touches those places only, so the work is in proportion to the text and the
// merges made in it, however long a word is.
class Trainer {
 public:
  explicit Trainer(const TextSample& sample) {
    std::unordered_map<std::string, int64_t> counts;
    for (const auto& [hash, text] : sample.documents()) {
      const PreTokenizer pieces{{SplitPattern::gpt2}};
      pieces.split(text, [&](std::string_view piece) { ++counts[std::string(piece)]; });
    }
    for (int byte = 0; byte < 256; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
    for (const auto& [text, count] : std::map<std::string, int64_t>(counts.begin(), counts.end()))
      add_word(text, count);
    for (const auto& [pair, places] : pairs_) heap_.push({places.count, pair});
  }

  bool empty() const { return ids_.empty(); }

  // Merges the most frequent pair; false when none is there twice.
  bool step() {
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      // Counts of a pair only sink once it is made, so what the heap holds is never too low.
      const auto found = pairs_.find(best.pair);
      const int64_t count = found == pairs_.end() ? 0 : found->second.count;
      if (count < 2) continue;
      if (count < best.count) {
        heap_.push({count, best.pair});
        continue;
      }
      merge(best.pair);
      return true;
    }
    return false;
  }

  std::vector<std::string> tokens_;
  std::vector<BpeMerge> merges_;

 private:
  static constexpr uint32_t kEnd = UINT32_MAX;
  static constexpr int32_t kGone = -1;

  struct Places {
    int64_t count = 0;
    std::vector<uint32_t> at;  // of the left symbol; may name places that have lost the pair, none twice
  };

  void add_word(std::string_view text, int64_t count) {
    const auto word = static_cast<uint32_t>(word_counts_.size());
    word_counts_.push_back(count);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto at = static_cast<uint32_t>(ids_.size());
      ids_.push_back(static_cast<uint8_t>(text[i]));
      word_of_.push_back(word);
      before_.push_back(i == 0 ? kEnd : at - 1);
      after_.push_back(i + 1 == text.size() ? kEnd : at + 1);
      if (i > 0) add({ids_[at - 1], ids_[at]}, count, at - 1);
    }
  }

  void add(const Pair& pair, int64_t count, uint32_t at) {
    Places& places = pairs_[pair];
    places.count += count;
    places.at.push_back(at);
  }

  void take(const Pair& pair, int64_t count) {
    const auto found = pairs_.find(pair);
    if (found == pairs_.end()) return;  // the pair that is being merged
    found->second.count -= count;
    if (found->second.count == 0) pairs_.erase(found);
  }

  void merge(const Pair& pair) {
    const auto merged = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(tokens_[static_cast<size_t>(pair.first)] + tokens_[static_cast<size_t>(pair.second)]);
    merges_.push_back({pair.first, pair.second, merged});
    const auto entry = pairs_.extract(pair);
    // From left to right, so that of "aaa" the first two are merged.
    auto& places = entry.mapped().at;
    if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
    std::vector<Pair> made;
    for (const uint32_t at : places) {
      const uint32_t gone = after_[at];
      if (ids_[at] != pair.first || gone == kEnd || ids_[gone] != pair.second) continue;
      const int64_t count = word_counts_[word_of_[at]];
      const uint32_t left = before_[at], right = after_[gone];
      if (left != kEnd) take({ids_[left], pair.first}, count);
      if (right != kEnd) take({pair.second, ids_[right]}, count);
      ids_[at] = merged;
      ids_[gone] = kGone;
      after_[at] = right;
      if (left != kEnd) {
        add({ids_[left], merged}, count, left);
        made.emplace_back(ids_[left], merged);
      }
      if (right == kEnd) continue;
      before_[right] = at;
      add({merged, ids_[right]}, count, at);
      made.emplace_back(merged, ids_[right]);
    }
    std::sort(made.begin(), made.end());
    made.erase(std::unique(made.begin(), made.end()), made.end());
    for (const Pair& each : made)
      if (const auto found = pairs_.find(each); found != pairs_.end()) heap_.push({found->second.count, each});
  }

  struct Later {
    const std::vector<std::string>* tokens;
    bool operator()(const Candidate& a, const Candidate& b) const {
      if (a.count != b.count) return a.count < b.count;
      const auto text = [&](int32_t id) -> const std::string& { return (*tokens)[static_cast<size_t>(id)]; };
      if (a.pair.first != b.pair.first) return text(a.pair.first) > text(b.pair.first);
      return text(a.pair.second) > text(b.pair.second);
    }
  };

  // By place: the symbol (kGone where it was merged into the one before), its neighbours in the word, its word.
  std::vector<int32_t> ids_;
  std::vector<uint32_t> before_, after_, word_of_;
  std::vector<int64_t> word_counts_;
  std::unordered_map<Pair, Places, PairHash> pairs_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> heap_{Later{&tokens_}};
};

}  // namespace

std::string bpe_settings(int64_t vocab_size) {
  return fmt::format("bpe 1\nsample {} in pieces\nvocab_size {}\n", TextSample::kDefaultBytes, vocab_size);
}

BpeParts train_bpe(const TextSample& sample, int64_t vocab_size) {
  Trainer trainer(sample);
  if (vocab_size < 257 || trainer.empty())
    throw Error(
        ErrorCode::data,
        fmt::format("cannot train a tokenizer of {} tokens on {} documents", vocab_size, sample.documents().size()),
        "data.vocab_size", "give more text, another vocab_size, or tokenizer = \"byte\"");
  while (static_cast<int64_t>(trainer.tokens_.size()) + 1 < vocab_size && trainer.step()) {
  }
  BpeParts parts;
  parts.tokens = std::move(trainer.tokens_);
  parts.merges = std::move(trainer.merges_);
  parts.pre_tokenizer.stages = {SplitPattern::gpt2};
  parts.eos = static_cast<int32_t>(parts.tokens.size());
  parts.added = {{parts.eos, std::string(kEndOfText)}};
  parts.tokens.emplace_back();
  return parts;
}

}  // namespace espalier
