#include "core/data/bpe_training.h"

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

struct Word {
  std::vector<int32_t> ids;
  int64_t count = 0;
};

struct Candidate {
  int64_t count = 0;
  Pair pair;
};

class Trainer {
 public:
  explicit Trainer(const TextSample& sample) {
    std::unordered_map<std::string, int64_t> counts;
    for (const auto& [hash, text] : sample.documents()) {
      const PreTokenizer pieces{{SplitPattern::gpt2}};
      pieces.split(text, [&](std::string_view piece) { ++counts[std::string(piece)]; });
    }
    for (int byte = 0; byte < 256; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
    for (const auto& [text, count] : std::map<std::string, int64_t>(counts.begin(), counts.end())) {
      Word word;
      for (const char c : text) word.ids.push_back(static_cast<uint8_t>(c));
      word.count = count;
      for (size_t i = 0; i + 1 < word.ids.size(); ++i) add({word.ids[i], word.ids[i + 1]}, count, words_.size());
      words_.push_back(std::move(word));
    }
    for (const auto& [pair, count] : counts_) heap_.push({count, pair});
  }

  bool empty() const { return words_.empty(); }

  // Merges the most frequent pair; false when none is there twice.
  bool step() {
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const int64_t count = counts_[best.pair];
      if (count != best.count) continue;  // an older entry; the pair is in the heap again with its new count
      if (count < 2) return false;
      merge(best.pair);
      return true;
    }
    return false;
  }

  std::vector<std::string> tokens_;
  std::vector<BpeMerge> merges_;

 private:
  void add(const Pair& pair, int64_t count, size_t word) {
    counts_[pair] += count;
    auto& places = words_of_[pair];
    if (places.empty() || places.back() != word) places.push_back(word);
  }

  void merge(const Pair& pair) {
    const auto merged = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(tokens_[static_cast<size_t>(pair.first)] + tokens_[static_cast<size_t>(pair.second)]);
    merges_.push_back({pair.first, pair.second, merged});
    std::map<Pair, bool> changed;
    auto places = std::move(words_of_[pair]);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const size_t place : places) {
      Word& word = words_[place];
      std::vector<int32_t> ids;
      for (size_t i = 0; i < word.ids.size(); ++i) {
        const bool here = i + 1 < word.ids.size() && word.ids[i] == pair.first && word.ids[i + 1] == pair.second;
        ids.push_back(here ? merged : word.ids[i]);
        i += here ? 1 : 0;
      }
      for (size_t i = 0; i + 1 < word.ids.size(); ++i) {
        counts_[{word.ids[i], word.ids[i + 1]}] -= word.count;
        changed[{word.ids[i], word.ids[i + 1]}] = true;
      }
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        add({ids[i], ids[i + 1]}, word.count, place);
        changed[{ids[i], ids[i + 1]}] = true;
      }
      word.ids = std::move(ids);
    }
    counts_.erase(pair);
    words_of_.erase(pair);
    for (const auto& [other, unused] : changed)
      if (const auto found = counts_.find(other); found != counts_.end() && found->second > 0)
        heap_.push({found->second, other});
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

  std::vector<Word> words_;
  std::unordered_map<Pair, int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::vector<size_t>, PairHash> words_of_;  // may name a word that has lost the pair
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
