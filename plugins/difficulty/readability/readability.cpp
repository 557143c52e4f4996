// Difficulty by readability: grade formulas over sentence length, word length, syllables and familiar words.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <memory>

#include "../common/hashed_counts.hpp"
#include "../common/prose.hpp"
#include "../common/text_file.hpp"
#include "formulas.hpp"

namespace sdk = espalier::sdk;

class Readability final : public sdk::Difficulty {
 public:
  static constexpr std::uint32_t needs = ESP_NEEDS_TEXT | ESP_NEEDS_FIT;

  static void describe(sdk::Description<Readability>& about) {
    about.id("org.espalier.difficulty.readability").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("a readability formula, Flesch-Kincaid grade by default: a higher grade is harder");
    about.citation(
        "Kincaid et al., Derivation of New Readability Formulas for Navy Enlisted Personnel, 1975; "
        "Chall and Dale, Readability Revisited, 1995");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT).state_version(1);
    about.param("formula", &Readability::formula_, "which formula")
        .choices({"flesch-kincaid", "flesch", "dale-chall", "gunning-fog", "coleman-liau", "ari"});
    about.param("min_words", &Readability::min_words_, "documents with fewer words get no score").min(1).unit("words");
    about
        .param("easy_words", &Readability::easy_words_,
               "dale-chall: so many of the corpus's most frequent words count as familiar")
        .min(1)
        .unit("words");
    about
        .param("word_list", &Readability::word_list_,
               "dale-chall: a file with one familiar word a line, instead of the most frequent ones")
        .path();
    about.param("table_bits", &Readability::table_bits_, "dale-chall: words are counted in 2^table_bits counters")
        .min(8)
        .max(32);
  }

  void check(sdk::Call&) override {
    if (formula_ != "dale-chall") return;
    if (word_list_.empty()) {
      counts_ = std::make_unique<sdk::HashedCounts>(static_cast<unsigned>(table_bits_));
      return;
    }
    text_file::for_each_line(word_list_, [&](const std::string& line) {
      sdk::for_each_word(line, [&](std::string_view word) { familiar_.push_back(sdk::word_hash(word)); });
    });
    if (familiar_.empty()) throw sdk::invalid("word_list: '", word_list_, "' holds no word");
    std::sort(familiar_.begin(), familiar_.end());
  }

  /// Only dale-chall without a word list counts words.
  bool wants_fit() const override { return counts_ != nullptr; }

  void fit(sdk::Call& call, const sdk::Docs& docs) override {
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while fitting");
      sdk::for_each_word(docs[i].text, [&](std::string_view word) { counts_->add(sdk::word_hash(word)); });
    }
  }

  void fit_end(sdk::Call&) override {
    is_familiar_.assign(counts_->size(), false);
    for (const std::size_t bucket : counts_->largest(static_cast<std::size_t>(easy_words_))) {
      is_familiar_[bucket] = true;
    }
  }

  void fit_merge(sdk::Call&, sdk::Reader& in) override {
    in.u64();  // 1: there are counts
    in.u64();  // whether the other was finished
    sdk::HashedCounts other(counts_->bits());
    other.load(in);
    counts_->merge(other);
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    if (counts_ != nullptr && is_familiar_.empty()) throw sdk::failed_precondition("score() before fit_end()");
    const bool by_list = formula_ == "dale-chall";
    std::uint64_t unfamiliar = 0;
    const sdk::ProseCounts counts = sdk::count_prose(doc.text, [&](std::string_view word) {
      if (by_list && !knows(sdk::word_hash(word))) unfamiliar += 1;
    });
    if (counts.words < static_cast<std::uint64_t>(min_words_)) return kCannotSay;
    const formulas::Rates rates(counts, unfamiliar);
    if (formula_ == "flesch-kincaid") return static_cast<float>(formulas::flesch_kincaid(rates));
    if (formula_ == "flesch") return static_cast<float>(-formulas::flesch_reading_ease(rates));
    if (formula_ == "dale-chall") return static_cast<float>(formulas::dale_chall(rates));
    if (formula_ == "gunning-fog") return static_cast<float>(formulas::gunning_fog(rates));
    if (formula_ == "coleman-liau") return static_cast<float>(formulas::coleman_liau(rates));
    return static_cast<float>(formulas::automated_readability(rates));
  }

  void save(sdk::Call&, sdk::Writer& out) const override {
    out.u64(counts_ != nullptr ? 1 : 0);
    if (counts_ == nullptr) return;
    out.u64(is_familiar_.empty() ? 0 : 1);
    counts_->save(out);
  }

  void load(sdk::Call& call, std::uint32_t, sdk::Reader& in) override {
    if ((in.u64() != 0) != (counts_ != nullptr)) {
      throw sdk::failed_precondition("the state belongs to another formula or word list");
    }
    if (counts_ == nullptr) return;
    const bool fitted = in.u64() != 0;
    counts_->load(in);
    is_familiar_.clear();
    if (fitted) fit_end(call);
  }

 private:
  bool knows(std::uint64_t word) const {
    if (counts_ != nullptr) return is_familiar_[counts_->bucket(word)];
    return std::binary_search(familiar_.begin(), familiar_.end(), word);
  }

  std::string formula_ = "flesch-kincaid";
  std::string word_list_;
  std::int64_t min_words_ = 10;
  std::int64_t easy_words_ = 3000;
  std::int64_t table_bits_ = 21;
  std::unique_ptr<sdk::HashedCounts> counts_;  // for dale-chall without a word list
  std::vector<bool> is_familiar_;              // by counter; empty before fit_end()
  std::vector<std::uint64_t> familiar_;        // hashes of the word list, sorted
};

ESPALIER_PLUGIN(Readability);
