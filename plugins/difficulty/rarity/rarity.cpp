// Difficulty by rarity: mean surprisal of the words under how often each occurs in the corpus.
#include <espalier/sdk.hpp>

#include <cmath>
#include <memory>

#include "../common/hashed_counts.hpp"
#include "../common/words.hpp"

namespace sdk = espalier::sdk;

class Rarity final : public sdk::Difficulty {
 public:
  static constexpr std::uint32_t needs = ESP_NEEDS_TEXT | ESP_NEEDS_FIT;

  static void describe(sdk::Description<Rarity>& about) {
    about.id("org.espalier.difficulty.rarity").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("bits of surprisal per word or byte, by word counts of the corpus: rarer words are harder");
    about.citation("Platanios et al., Competence-based Curriculum Learning, NAACL 2019 (word rarity)");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT).state_version(1);
    about.param("per", &Rarity::per_, "divide the bits by the document's words or bytes").choices({"word", "byte"});
    about.param("smoothing", &Rarity::smoothing_, "added to the count of each word, and of an unseen one").above(0);
    about.param("min_words", &Rarity::min_words_, "documents with fewer words get no score").min(1).unit("words");
    about.param("table_bits", &Rarity::table_bits_, "words are counted in 2^table_bits counters").min(8).max(32);
  }

  void check(sdk::Call&) override { counts_ = std::make_unique<sdk::HashedCounts>(static_cast<unsigned>(table_bits_)); }

  void fit(sdk::Call& call, const sdk::Docs& docs) override {
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while fitting");
      sdk::for_each_word(docs[i].text, [&](std::string_view word) { counts_->add(sdk::word_hash(word)); });
    }
  }

  /// Surprisal of each counter: -log2 of (count + a) / (total + a (used + 1)); the 1 is for all that was never seen.
  void fit_end(sdk::Call&) override {
    const double classes = static_cast<double>(counts_->num_used()) + 1;
    const double log_total = std::log2(static_cast<double>(counts_->total()) + smoothing_ * classes);
    bits_.resize(counts_->size());
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      bits_[i] = static_cast<float>(log_total - std::log2(static_cast<double>(counts_->at(i)) + smoothing_));
    }
  }

  void fit_merge(sdk::Call&, sdk::Reader& in) override {
    in.u64();  // whether the other was finished
    sdk::HashedCounts other(counts_->bits());
    other.load(in);
    counts_->merge(other);
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    if (bits_.empty()) throw sdk::failed_precondition("score() before fit_end()");
    double bits = 0;
    std::uint64_t words = 0;
    sdk::for_each_word(doc.text, [&](std::string_view word) {
      bits += static_cast<double>(bits_[counts_->bucket(sdk::word_hash(word))]);
      words += 1;
    });
    if (words < static_cast<std::uint64_t>(min_words_)) return kCannotSay;
    return static_cast<float>(bits / static_cast<double>(per_ == "word" ? words : doc.text.size()));
  }

  void save(sdk::Call&, sdk::Writer& out) const override {
    out.u64(bits_.empty() ? 0 : 1);
    counts_->save(out);
  }

  void load(sdk::Call& call, std::uint32_t, sdk::Reader& in) override {
    const bool fitted = in.u64() != 0;
    counts_->load(in);
    bits_.clear();
    if (fitted) fit_end(call);
  }

 private:
  std::string per_ = "word";
  double smoothing_ = 1;
  std::int64_t min_words_ = 1;
  std::int64_t table_bits_ = 21;
  std::unique_ptr<sdk::HashedCounts> counts_;
  std::vector<float> bits_;  // by counter; empty before fit_end()
};

ESPALIER_PLUGIN(Rarity);
