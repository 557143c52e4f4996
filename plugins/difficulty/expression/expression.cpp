// Difficulty by a formula over other scores: "0.5 * rank(compression) + 0.5 * z(length)".
#include <espalier/sdk.hpp>

#include <cmath>

#include "formula.hpp"
#include "statistics.hpp"

namespace sdk = espalier::sdk;

class Expression final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<Expression>& about) {
    about.id("org.espalier.difficulty.expression").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("a formula over other scores: + - * / min max log, and z() and rank() over the corpus");
    about.citation("van der Waerden, Order tests for the two-sample problem, 1952 (combining by ranks)");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT).state_version(1);
    about
        .param("expression", &Expression::text_,
               "the formula, for example 0.5 * rank(compression) + 0.5 * rank(length)")
        .required();
  }

  static constexpr std::uint32_t needs = ESP_NEEDS_FIT | ESP_NEEDS_INPUTS;

  void check(sdk::Call&) override {
    formula_ = expression::Parser::parse(text_);
    moments_.resize(formula_.fitted.size());
    distributions_.resize(formula_.fitted.size());
  }

  std::vector<std::string> inputs(sdk::Call&) const override { return formula_.scores; }

  void fit(sdk::Call&, const sdk::Docs& docs) override {
    for (std::size_t i = 0; i < docs.size(); ++i) {
      for (std::size_t f = 0; f < formula_.fitted.size(); ++f) {
        const double value = plain(formula_.fitted[f].of, docs[i].inputs);
        if (!std::isfinite(value)) continue;
        if (formula_.fitted[f].op == expression::Op::kRank)
          distributions_[f].add(value);
        else
          moments_[f].add(value);
      }
    }
  }

  void fit_merge(sdk::Call&, sdk::Reader& other) override {
    for (std::size_t f = 0; f < formula_.fitted.size(); ++f) {
      expression::Moments moments;
      expression::Distribution distribution;
      moments.load(other);
      distribution.load(other);
      moments_[f].merge(moments);
      distributions_[f].merge(distribution);
    }
  }

  void fit_end(sdk::Call&) override {
    for (expression::Distribution& distribution : distributions_) distribution.finish();
  }

  float score(sdk::Call&, const sdk::Doc& doc) const override {
    const double value = expression::evaluate(formula_.root, formula_, doc.inputs, [&](std::size_t f, double of) {
      if (!std::isfinite(of)) return std::numeric_limits<double>::quiet_NaN();
      return formula_.fitted[f].op == expression::Op::kRank ? distributions_[f].rank(of) : moments_[f].standard(of);
    });
    const auto narrow = static_cast<float>(value);
    return std::isfinite(narrow) ? narrow : kCannotSay;  // divided by nothing, or the logarithm of nothing
  }

  void save(sdk::Call&, sdk::Writer& out) const override {
    for (std::size_t f = 0; f < formula_.fitted.size(); ++f) {
      moments_[f].save(out);
      distributions_[f].save(out);
    }
  }
  void load(sdk::Call&, std::uint32_t, sdk::Reader& in) override {
    for (std::size_t f = 0; f < formula_.fitted.size(); ++f) {
      moments_[f].load(in);
      distributions_[f].load(in);
      distributions_[f].finish();
    }
  }

 private:
  // A value without rank() and z() in it.
  double plain(const expression::Node& node, const sdk::Span<const float>& inputs) const {
    return expression::evaluate(node, formula_, inputs, [](std::size_t, double value) { return value; });
  }

  std::string text_;
  expression::Formula formula_;
  std::vector<expression::Moments> moments_;
  std::vector<expression::Distribution> distributions_;
};

ESPALIER_PLUGIN(Expression);
