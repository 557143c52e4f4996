// The n-gram model: a proper distribution, equal to the formulas evaluated one by one; and the scorer over it.
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "catch.h"
#include "plugins/difficulty/ngram-lm/ngram_model.hpp"
#include "sdk/difficulty_run.h"
#include "support/temp_dir.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

using Sequence = std::vector<std::uint64_t>;

constexpr unsigned kBits = 4;
constexpr std::uint64_t kStart = 15;  // the place before the first symbol

/// Zipf-like sequences over `symbols` symbols, so that counts of 1, 2, 3 and more all occur.
std::vector<Sequence> corpus(std::uint64_t symbols, std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Sequence> out;
  for (int i = 0; i < 4; ++i) {
    Sequence sequence;
    for (std::size_t j = 0; j < size; ++j) sequence.push_back(random() % (1 + random() % symbols));
    out.push_back(sequence);
  }
  return out;
}

ngram::Model fitted(const std::vector<Sequence>& sequences, unsigned order, ngram::Smoothing smoothing,
                    std::uint64_t symbols) {
  ngram::Model model(order, kBits, smoothing, 0.4);
  for (const Sequence& sequence : sequences) {
    std::uint64_t history = model.start();
    for (const std::uint64_t symbol : sequence) history = model.add(history, symbol);
  }
  model.finish(symbols);
  return model;
}

std::uint64_t history_of(const ngram::Model& model, const Sequence& symbols) {
  std::uint64_t history = model.start();
  for (const std::uint64_t symbol : symbols) history = model.next(history, symbol);
  return history;
}

/// Both smoothings straight from the papers, with maps of sequences and no sharing of work.
class Naive {
 public:
  Naive(const std::vector<Sequence>& sequences, std::size_t order, std::uint64_t symbols)
      : order_(order), symbols_(static_cast<double>(symbols)), raw_(order + 1) {
    for (const Sequence& sequence : sequences) {
      Sequence padded(order - 1, kStart);
      padded.insert(padded.end(), sequence.begin(), sequence.end());
      for (std::size_t end = order; end <= padded.size(); ++end) {
        for (std::size_t k = 1; k <= order; ++k) {
          raw_[k][Sequence(padded.begin() + static_cast<std::ptrdiff_t>(end - k),
                           padded.begin() + static_cast<std::ptrdiff_t>(end))] += 1;
        }
      }
    }
  }

  /// Chen and Goodman 1998, section 3, equation 20 with the discounts of equation 26.
  double kneser_ney(Sequence history, std::uint64_t symbol) const {
    if (history.size() > order_ - 1)
      history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(order_ - 1));
    return kneser_ney_of(history, symbol);
  }

  double stupid_backoff(Sequence history, std::uint64_t symbol) const {
    double weight = 1;
    for (;; weight *= 0.4, history.erase(history.begin())) {
      double total = 0;
      for (std::uint64_t s = 0; s < kStart; ++s) total += count(raw_, with(history, s));
      const double here = count(raw_, with(history, symbol));
      if (here > 0) return weight * here / total;
      if (history.empty()) return weight * 0.4 / symbols_;
    }
  }

 private:
  using Counts = std::vector<std::map<Sequence, double>>;

  static Sequence with(Sequence history, std::uint64_t symbol) {
    history.push_back(symbol);
    return history;
  }
  static double count(const Counts& counts, const Sequence& ngram) {
    const auto found = counts[ngram.size()].find(ngram);
    return found == counts[ngram.size()].end() ? 0 : found->second;
  }

  /// The raw count of the longest n-grams, the number of distinct symbols to the left of shorter ones.
  double modified(const Sequence& ngram) const {
    if (ngram.size() == order_) return count(raw_, ngram);
    double left = 0;
    for (std::uint64_t s = 0; s <= kStart; ++s) {
      Sequence longer = {s};
      longer.insert(longer.end(), ngram.begin(), ngram.end());
      if (count(raw_, longer) > 0) left += 1;
    }
    return left;
  }

  double kneser_ney_of(const Sequence& history, std::uint64_t symbol) const {
    std::map<double, double> n;
    for (const auto& [ngram, ignored] : raw_[history.size() + 1]) n[modified(ngram)] += 1;
    double d[3] = {0.5, 1, 1.5};
    if (n[1] > 0 && n[2] > 0 && n[3] > 0) {
      const double y = n[1] / (n[1] + 2 * n[2]);
      const double e[3] = {1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]};
      if (e[0] > 0 && e[1] > 0 && e[2] > 0 && e[0] <= 1 && e[1] <= 2 && e[2] <= 3) std::copy(e, e + 3, d);
    }
    const auto discount = [&](double c) { return c == 0 ? 0 : c == 1 ? d[0] : c == 2 ? d[1] : d[2]; };
    double total = 0, left_over = 0;
    for (std::uint64_t s = 0; s < kStart; ++s) {
      const double c = modified(with(history, s));
      total += c;
      left_over += discount(c);
    }
    const double lower =
        history.empty() ? 1 / symbols_ : kneser_ney_of(Sequence(history.begin() + 1, history.end()), symbol);
    if (total == 0) return lower;
    const double c = modified(with(history, symbol));
    return (c - discount(c)) / total + left_over / total * lower;
  }

  std::size_t order_;
  double symbols_;
  Counts raw_;  // by length
};

}  // namespace

TEST_CASE("Kneser-Ney probabilities sum to one after any history", "[sdk][difficulty][ngram]") {
  for (unsigned order = 1; order <= 5; ++order) {
    for (const std::size_t size : {std::size_t{3}, std::size_t{40}, std::size_t{600}}) {
      const ngram::Model model = fitted(corpus(10, size, order), order, ngram::Smoothing::kKneserNey, 12);
      std::mt19937 random(order);
      for (int i = 0; i < 200; ++i) {
        Sequence history(random() % 6);
        for (auto& symbol : history) symbol = random() % 12;  // two symbols never occur
        const std::uint64_t packed = history_of(model, history);
        double sum = 0;
        for (std::uint64_t symbol = 0; symbol < 12; ++symbol) sum += std::exp2(model.log2_probability(packed, symbol));
        CHECK(sum == Approx(1).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("both smoothings agree with their formulas", "[sdk][difficulty][ngram]") {
  for (unsigned order = 1; order <= 4; ++order) {
    const std::vector<Sequence> sequences = corpus(8, 120, 10 + order);
    const Naive naive(sequences, order, 9);
    const ngram::Model kneser_ney = fitted(sequences, order, ngram::Smoothing::kKneserNey, 9);
    const ngram::Model backoff = fitted(sequences, order, ngram::Smoothing::kStupidBackoff, 9);
    std::mt19937 random(order);
    for (int i = 0; i < 60; ++i) {
      Sequence history(order - 1);
      for (auto& symbol : history) symbol = random() % (i % 2 == 0 ? 9 : 3);
      for (std::uint64_t symbol = 0; symbol < 9; ++symbol) {
        INFO("order " << order << " symbol " << symbol);
        CHECK(std::exp2(kneser_ney.log2_probability(history_of(kneser_ney, history), symbol)) ==
              Approx(naive.kneser_ney(history, symbol)).epsilon(1e-5));
        CHECK(std::exp2(backoff.log2_probability(history_of(backoff, history), symbol)) ==
              Approx(naive.stupid_backoff(history, symbol)).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("stupid backoff by hand", "[sdk][difficulty][ngram]") {
  const ngram::Model model = fitted({{1, 2, 1, 2, 1, 3}}, 2, ngram::Smoothing::kStupidBackoff, 4);
  const auto score = [&](const Sequence& history, std::uint64_t symbol) {
    return std::exp2(model.log2_probability(history_of(model, history), symbol));
  };
  CHECK(score({1}, 2) == Approx(2 / 3.0));        // twice among the three after 1
  CHECK(score({3}, 1) == Approx(0.4 * 3 / 6.0));  // never seen: by the single symbol
  CHECK(score({1}, 0) == Approx(0.4 * 0.4 / 4));  // a symbol that never occurs
}

TEST_CASE("text like the reference is easier", "[sdk][difficulty][ngram]") {
  PluginLibrary library(plugin_path("ngram-lm"));
  std::mt19937 random(3);
  const espalier::TempDir folder;
  const std::string text = (folder.path() / "reference.txt").string();
  const std::string lines = (folder.path() / "reference.jsonl").string();
  const std::string prose = random_prose(random, 3000, 100);
  std::ofstream(text) << prose;
  std::ofstream(lines) << "{\"body\": \"" << prose << "\"}\n\n";
  const std::string same = random_prose(random, 100, 100), noise = random_bytes(random, same.size());
  std::string other = same;
  for (char& c : other) c = c >= 'a' && c <= 'z' ? static_cast<char>('a' + 'z' - c) : c;
  for (const std::string unit : {"bytes", "words"}) {
    for (const std::string smoothing : {"kneser-ney", "stupid-backoff"}) {
      INFO(unit << " " << smoothing);
      const FakeConfig::Overrides params = {{"unit", "\"" + unit + "\""}, {"smoothing", "\"" + smoothing + "\""}};
      auto with_text = params, with_lines = params;
      with_text["reference"] = "\"" + text + "\"";
      with_lines["reference"] = "\"" + lines + "\"";
      with_lines["text_field"] = "\"body\"";
      const Scorer by_text(library, with_text), by_lines(library, with_lines);
      CHECK_FALSE(by_text.fits());
      CHECK(by_text.score(same) < by_text.score(other));
      if (unit == "bytes") CHECK(by_text.score(other) < by_text.score(noise));
      CHECK(by_lines.score(same) == by_text.score(same));
    }
  }
}

TEST_CASE("no document is easy because the model was fitted on it", "[sdk][difficulty][ngram]") {
  PluginLibrary library(plugin_path("ngram-lm"));
  std::mt19937 random(5);
  Texts corpus, others;
  for (int i = 0; i < 150; ++i) {
    corpus.push_back(random_prose(random, 60, 1000));
    others.push_back(random_prose(random, 60, 1000));
  }
  const auto mean = [](const std::vector<float>& scores) {
    double sum = 0;
    for (const float score : scores) sum += static_cast<double>(score);
    return sum / static_cast<double>(scores.size());
  };
  for (const std::string unit : {"bytes", "words"}) {
    const Scorer scorer(library, {{"unit", "\"" + unit + "\""}});
    scorer.fit(corpus);
    CHECK(mean(scorer.scores(corpus)) == Approx(mean(scorer.scores(others))).epsilon(0.02));
  }
}

TEST_CASE("bits per byte of noise are those of a byte", "[sdk][difficulty][ngram]") {
  PluginLibrary library(plugin_path("ngram-lm"));
  const Scorer scorer(library, {{"order", "1"}});
  std::mt19937 random(4);
  Texts corpus;
  for (int i = 0; i < 40; ++i) corpus.push_back(random_bytes(random, 3000));
  scorer.fit(corpus);
  CHECK(scorer.score(random_bytes(random, 5000)) == Approx(8).margin(0.02));
}

TEST_CASE("the n-gram model refuses what cannot be, with words", "[sdk][difficulty][ngram]") {
  PluginLibrary library(plugin_path("ngram-lm"));
  const espalier::TempDir folder;
  const auto refused = [&](const std::string& name, const std::string& content, const std::string& message) {
    const std::string path = (folder.path() / name).string();
    std::ofstream(path) << content;
    INFO(name);
    CHECK_THROWS_WITH(Scorer(library, {{"reference", "\"" + path + "\""}}), Contains(message) && Contains(path));
  };
  refused("empty.txt", "", "no document");
  refused("empty.jsonl", "\n", "no document");
  refused("bad.jsonl", "{\"text\": \"a\"}\n[1]\n", ":2: not a JSON object");
  refused("field.jsonl", "{\"text\": 1}\n", ":1: no text field 'text'");
  refused("text.txt", std::string("\x1f\x8b\x08\x00", 4) + "x", "compressed");
  CHECK_THROWS_WITH(Scorer(library, {{"reference", "\"/nowhere\""}}), Contains("/nowhere"));
  CHECK_THROWS_WITH(Scorer(library, {{"unit", "\"words\""}, {"order", "4"}}), Contains("order") && Contains("3"));
  CHECK_THROWS_WITH(Scorer(library).score("text"), Contains("before fit_end()"));
}
