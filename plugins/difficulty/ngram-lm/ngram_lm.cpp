// Difficulty by an n-gram language model: bits per byte under a model of a reference text or of the corpus itself.
#include <espalier/sdk.hpp>

#include <memory>

#include "../common/text_file.hpp"
#include "../common/words.hpp"
#include "document_sample.hpp"
#include "ngram_model.hpp"

namespace sdk = espalier::sdk;

class NgramLm final : public sdk::Difficulty {
 public:
  static constexpr std::uint32_t needs = ESP_NEEDS_TEXT | ESP_NEEDS_FIT;

  static void describe(sdk::Description<NgramLm>& about) {
    about.id("org.espalier.difficulty.ngram-lm").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("bits per byte under an n-gram model: what is less like the reference is harder");
    about.citation(
        "Chen and Goodman, An Empirical Study of Smoothing Techniques for Language Modeling, 1998; "
        "Brants et al., Large Language Models in Machine Translation, EMNLP 2007");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT).state_version(1);
    about.param("unit", &NgramLm::unit_, "n-grams of bytes or of words").choices({"bytes", "words"});
    about.param("order", &NgramLm::order_, "length of the n-grams; 0: 5 bytes or 3 words").min(0).max(7);
    about.param("smoothing", &NgramLm::smoothing_, "modified Kneser-Ney, or stupid backoff")
        .choices({"kneser-ney", "stupid-backoff"});
    about.param("backoff", &NgramLm::backoff_, "stupid-backoff: factor for each step to a shorter n-gram")
        .above(0)
        .max(1);
    about.param("reference", &NgramLm::reference_, "a text or JSON-lines file to fit the model on; empty: the corpus");
    about.param("text_field", &NgramLm::text_field_, "field of the text in a JSON-lines reference");
    about.param("fit_bytes", &NgramLm::fit_bytes_, "fit on a sample of documents of at most so many bytes")
        .min(1024)
        .max(1 << 30)
        .unit("bytes");
    about.param("document_bytes", &NgramLm::document_bytes_, "take at most so much of each document to fit")
        .min(64)
        .unit("bytes");
    about.param("min_bytes", &NgramLm::min_bytes_, "shorter documents get no score").min(1).unit("bytes");
  }

  void check(sdk::Call&) override {
    const std::int64_t longest = by_words() ? kMaxWords : kMaxBytes;
    if (order_ == 0) order_ = by_words() ? 3 : 5;
    if (order_ > longest) {
      throw sdk::invalid("order = ", order_, ": n-grams of ", unit_, " have at most ", longest, " of them");
    }
    sample_ = std::make_unique<ngram::DocumentSample>(empty_sample());
    if (reference_.empty()) return;
    text_file::for_each_document(reference_, text_field_, false, [&](const std::string& text) { add_pieces(text); });
    build();
  }

  bool wants_fit() const override { return reference_.empty(); }

  void fit(sdk::Call&, const sdk::Docs& docs) override {
    for (std::size_t i = 0; i < docs.size(); ++i) sample_->add(docs[i].text);
  }

  void fit_end(sdk::Call&) override { build(); }

  void fit_merge(sdk::Call&, sdk::Reader& in) override {
    in.u64();  // 0: no reference
    in.u64();  // whether the other was finished
    ngram::DocumentSample other = empty_sample();
    other.load(in);
    sample_->merge(other);
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    if (models_.empty()) throw sdk::failed_precondition("score() before fit_end()");
    if (doc.text.empty() || doc.text.size() < static_cast<std::size_t>(min_bytes_)) return kCannotSay;
    const ngram::Model& model = reference_.empty() ? models_[1 - fold(sample_->hash_of(doc.text))] : models_[0];
    double bits = 0;
    std::uint64_t history = model.start(), symbols = 0;
    for_each_symbol(doc.text, [&](std::uint64_t symbol) {
      bits -= model.log2_probability(history, symbol);
      history = model.next(history, symbol);
      symbols += 1;
    });
    return symbols == 0 ? kCannotSay : static_cast<float>(bits / static_cast<double>(doc.text.size()));
  }

  void save(sdk::Call&, sdk::Writer& out) const override {
    out.u64(reference_.empty() ? 0 : 1);
    if (!reference_.empty()) return;  // check() reads it again
    out.u64(models_.empty() ? 0 : 1);
    sample_->save(out);
  }

  void load(sdk::Call&, std::uint32_t, sdk::Reader& in) override {
    if ((in.u64() != 0) == reference_.empty()) throw sdk::failed_precondition("the state belongs to another reference");
    if (!reference_.empty()) return;
    const bool fitted = in.u64() != 0;
    sample_->load(in);
    models_.clear();
    if (fitted) build();
  }

 private:
  // Bits of a symbol. A word is its hash in 20 bits; two words with the same hash are taken for one.
  static constexpr unsigned kByteBits = 9, kWordBits = 20;
  static constexpr std::int64_t kMaxBytes = 7, kMaxWords = 3;

  bool by_words() const { return unit_ == "words"; }

  template <class Visit>
  void for_each_symbol(std::string_view text, Visit&& visit) const {
    if (by_words()) {
      constexpr std::uint64_t kSymbols = (std::uint64_t{1} << kWordBits) - 1;
      sdk::for_each_word(text, [&](std::string_view word) { visit(sdk::word_hash(word) % kSymbols); });
    } else {
      for (const char c : text) visit(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    }
  }

  ngram::DocumentSample empty_sample() const {
    return {static_cast<std::size_t>(fit_bytes_), static_cast<std::size_t>(document_bytes_)};
  }

  /// A reference may be one long document: the sample is drawn from pieces of it.
  void add_pieces(std::string_view text) {
    const auto size = static_cast<std::size_t>(document_bytes_);
    for (std::size_t at = 0; at < text.size(); at += size) sample_->add(text.substr(at, size));
  }

  /// 0 or 1: the half of the sample that a document belongs to, whether it is in the sample or not.
  static std::size_t fold(std::uint64_t document_hash) { return static_cast<std::size_t>(document_hash & 1); }

  void build() {
    const auto smoothing = smoothing_ == "kneser-ney" ? ngram::Smoothing::kKneserNey : ngram::Smoothing::kStupidBackoff;
    const std::size_t num_models = reference_.empty() ? 2 : 1;
    std::vector<ngram::Model> models(num_models, ngram::Model(static_cast<unsigned>(order_),
                                                              by_words() ? kWordBits : kByteBits, smoothing, backoff_));
    ngram::KeyMap<bool> seen;  // by any of the models: both have the same vocabulary
    sample_->for_each([&](std::uint64_t hash, std::string_view text) {
      ngram::Model& model = models[num_models == 2 ? fold(hash) : 0];
      std::uint64_t history = model.start();
      for_each_symbol(text, [&](std::uint64_t symbol) {
        history = model.add(history, symbol);
        seen.at(symbol) = true;
      });
    });
    const std::uint64_t num_symbols = by_words() ? seen.size() + 1 : 256;  // + 1: all words that were never seen
    for (ngram::Model& model : models) model.finish(num_symbols);
    models_ = std::move(models);
  }

  std::string unit_ = "bytes";
  std::int64_t order_ = 0;
  std::string smoothing_ = "kneser-ney";
  double backoff_ = 0.4;
  std::string reference_;
  std::string text_field_ = "text";
  std::int64_t fit_bytes_ = 8 << 20;
  std::int64_t document_bytes_ = 64 << 10;
  std::int64_t min_bytes_ = 1;
  std::unique_ptr<ngram::DocumentSample> sample_;
  // With a reference one model. Else one of each half of the sample; a document is scored by the half that it does not
  // belong to, so no document is easy because the model was fitted on it.
  std::vector<ngram::Model> models_;
};

ESPALIER_PLUGIN(NgramLm);
