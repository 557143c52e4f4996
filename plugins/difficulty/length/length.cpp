// Difficulty by length: the natural logarithm of one plus the number of bytes or words.
#include <espalier/sdk.hpp>

#include <cmath>

namespace sdk = espalier::sdk;

class Length final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<Length>& about) {
    about.id("org.espalier.difficulty.length").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("ln(1 + bytes or words): longer is harder");
    about.citation("Platanios et al., Competence-based Curriculum Learning, NAACL 2019 (sentence length)");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT);
    about.param("unit", &Length::unit_, "what is counted").choices({"bytes", "words"});
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    const std::size_t count = unit_ == "bytes" ? doc.text.size() : count_words(doc.text);
    return static_cast<float>(std::log1p(static_cast<double>(count)));
  }

 private:
  /// Runs of bytes between ASCII white space; works on damaged UTF-8 too.
  static std::size_t count_words(std::string_view text) {
    constexpr std::string_view kSpace = " \t\n\r\f\v";
    std::size_t words = 0;
    for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos; ++words) {
      const std::size_t end = text.find_first_of(kSpace, at);
      at = end == std::string_view::npos ? end : text.find_first_not_of(kSpace, end);
    }
    return words;
  }

  std::string unit_ = "bytes";
};

ESPALIER_PLUGIN(Length);
