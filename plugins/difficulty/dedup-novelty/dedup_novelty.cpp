// Difficulty by novelty: the share of a document's word n-grams that no other document of the corpus has.
#include <espalier/sdk.hpp>

#include <algorithm>
#include <memory>

#include "../common/words.hpp"
#include "document_counts.hpp"

namespace sdk = espalier::sdk;

class DedupNovelty final : public sdk::Difficulty {
 public:
  static constexpr std::uint32_t needs = ESP_NEEDS_TEXT | ESP_NEEDS_FIT;

  static void describe(sdk::Description<DedupNovelty>& about) {
    about.id("org.espalier.difficulty.dedup-novelty").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("share of word n-grams that no other document has: what repeats the corpus less is harder");
    about.citation("Broder, On the Resemblance and Containment of Documents, 1997 (shingles)");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT).state_version(1);
    about.param("n", &DedupNovelty::n_, "words in an n-gram").min(1).max(64).unit("words");
    about.param("keep_one_in", &DedupNovelty::keep_one_in_, "look only at n-grams whose hash this number divides")
        .min(1);
    about.param("table_bits", &DedupNovelty::table_bits_, "2^table_bits counters of 2 bits each").min(8).max(36);
  }

  void check(sdk::Call&) override { counts_ = std::make_unique<DocumentCounts>(static_cast<unsigned>(table_bits_)); }

  void fit(sdk::Call& call, const sdk::Docs& docs) override {
    std::vector<std::size_t> touched;
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while fitting");
      touched.clear();
      for_each_ngram(docs[i].text, [&](std::uint64_t hash) {
        for (const std::size_t counter : counts_->counters(hash)) touched.push_back(counter);
      });
      std::sort(touched.begin(), touched.end());
      touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
      for (const std::size_t counter : touched) counts_->increment(counter);
    }
  }

  void fit_end(sdk::Call&) override { fitted_ = true; }

  void fit_merge(sdk::Call&, sdk::Reader& in) override {
    in.u64();  // whether the other was finished
    DocumentCounts other(counts_->bits());
    other.load(in);
    counts_->merge(other);
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    if (!fitted_) throw sdk::failed_precondition("score() before fit_end()");
    std::uint64_t ngrams = 0, elsewhere = 0;
    for_each_ngram(doc.text, [&](std::uint64_t hash) {
      ngrams += 1;
      if (counts_->in_two_documents(hash)) elsewhere += 1;
    });
    if (ngrams == 0) return kCannotSay;
    return static_cast<float>(static_cast<double>(ngrams - elsewhere) / static_cast<double>(ngrams));
  }

  void save(sdk::Call&, sdk::Writer& out) const override {
    out.u64(fitted_ ? 1 : 0);
    counts_->save(out);
  }

  void load(sdk::Call&, std::uint32_t, sdk::Reader& in) override {
    const bool fitted = in.u64() != 0;
    counts_->load(in);
    fitted_ = fitted;
  }

 private:
  /// Calls visit(hash) for the n-gram that ends at each word. A document of fewer than n words is one n-gram.
  template <class Visit>
  void for_each_ngram(std::string_view text, Visit&& visit) const {
    const auto n = static_cast<std::size_t>(n_);
    const auto keep_one_in = static_cast<std::uint64_t>(keep_one_in_);
    const auto visit_kept = [&](std::uint64_t hash) {
      if (keep_one_in == 1 || hash % keep_one_in == 0) visit(hash);
    };
    // The sum of hash(word j) * k^j, modulo 2^64, over the last n words: each step multiplies by k and adds one word.
    constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15u;  // odd
    std::uint64_t leaving_factor = 1;
    for (std::size_t i = 0; i < n; ++i) leaving_factor *= kBase;
    std::uint64_t rolling = 0;
    std::size_t words = 0;
    std::vector<std::uint64_t> last(n);
    sdk::for_each_word(text, [&](std::string_view word) {
      const std::uint64_t hash = sdk::word_hash(word);
      std::uint64_t& slot = last[words % n];
      rolling = rolling * kBase + hash - slot * leaving_factor;
      slot = hash;
      words += 1;
      if (words >= n) visit_kept(sdk::mix64(rolling));
    });
    if (words > 0 && words < n) visit_kept(sdk::mix64(rolling + words));
  }

  std::int64_t n_ = 5;
  std::int64_t keep_one_in_ = 1;
  std::int64_t table_bits_ = 26;
  std::unique_ptr<DocumentCounts> counts_;
  bool fitted_ = false;
};

ESPALIER_PLUGIN(DedupNovelty);
