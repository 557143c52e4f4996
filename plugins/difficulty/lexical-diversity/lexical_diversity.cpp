// Difficulty by lexical diversity: MTLD, moving-average type-token ratio, or the plain ratio.
#include <espalier/sdk.hpp>

#include "../common/words.hpp"
#include "diversity.hpp"

namespace sdk = espalier::sdk;

class LexicalDiversity final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<LexicalDiversity>& about) {
    about.id("org.espalier.difficulty.lexical-diversity").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("MTLD, MATTR or type-token ratio: a text that repeats its words less is harder");
    about.citation("McCarthy and Jarvis, MTLD, vocd-D, and HD-D, Behavior Research Methods 42, 2010");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT);
    about.param("measure", &LexicalDiversity::measure_, "what is computed").choices({"mtld", "mattr", "ttr"});
    about.param("threshold", &LexicalDiversity::threshold_, "mtld: the type-token ratio that ends a factor")
        .above(0)
        .max(0.99);
    about.param("window", &LexicalDiversity::window_, "mattr: words in the moving window").min(1).unit("words");
    about.param("min_words", &LexicalDiversity::min_words_, "documents with fewer words get no score")
        .min(1)
        .unit("words");
  }

  void scores(sdk::Call& call, const sdk::Docs& docs, sdk::Span<float> out) const override {
    std::vector<std::uint64_t> words;
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while scoring");
      words.clear();
      sdk::for_each_word(docs[i].text, [&](std::string_view word) { words.push_back(sdk::word_hash(word)); });
      out[i] = measure(words);
    }
  }

 private:
  float measure(const std::vector<std::uint64_t>& words) const {
    if (words.size() < static_cast<std::size_t>(min_words_)) return kCannotSay;
    if (measure_ == "mtld") return static_cast<float>(diversity::mtld(words, threshold_));
    if (measure_ == "ttr") return static_cast<float>(diversity::ttr(words));
    const auto window = static_cast<std::size_t>(window_);
    return words.size() < window ? kCannotSay : static_cast<float>(diversity::mattr(words, window));
  }

  std::string measure_ = "mtld";
  double threshold_ = 0.72;
  std::int64_t window_ = 50;
  std::int64_t min_words_ = 50;
};

ESPALIER_PLUGIN(LexicalDiversity);
