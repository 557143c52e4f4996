// Formulas over scores: their grammar, their values against a second computation, and what is wrong with bad ones.
#include <algorithm>
#include <cmath>
#include <random>

#include "catch.h"
#include "sdk/docs_of_inputs.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

PluginLibrary& library() {
  static PluginLibrary expression(plugin_path("expression"));
  return expression;
}

Object make(const std::string& formula) {
  std::string quoted;
  for (const char c : formula) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return library().create({{"expression", "\"" + quoted + "\""}});
}

/// The formula's value where the named scores have these values, without a fit.
float value(const std::string& formula, const std::vector<float>& inputs = {1}) {
  const Object scorer = make(formula);
  end_fit(scorer);
  return scores(scorer, {inputs})[0];
}

std::string problem(const std::string& formula) {
  try {
    make(formula);
  } catch (const PluginError& error) {
    CHECK(error.status == ESP_INVALID_ARGUMENT);
    return error.what();
  }
  return "none";
}

std::vector<std::vector<float>> rows(std::mt19937& random, std::size_t count) {
  std::vector<std::vector<float>> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto draw = static_cast<float>(random() % 1000) / 64 - 5;
    out.push_back({draw, static_cast<float>(random() % 5)});
  }
  return out;
}

}  // namespace

TEST_CASE("formulas mean what they say", "[sdk][difficulty][expression]") {
  CHECK(value("a + 2 * 3") == 7);
  CHECK(value("(a + 2) * 3") == 9);
  CHECK(value("10 - a - 2") == 7);
  CHECK(value("16 / 4 / 2 * a") == 2);
  CHECK(value("-a - -2") == 1);
  CHECK(value("2 * -a") == -2);
  CHECK(value("1.5e1 * a") == 15);
  CHECK(value("min(3, a, 2) + max(3, a)", {2.5f}) == 5);
  CHECK(value("log(a)", {static_cast<float>(std::exp(2.0))}) == Approx(2));
  CHECK(value("a - b", {5, 3}) == 2);
}

TEST_CASE("names with hyphens, ids and parameters are scores", "[sdk][difficulty][expression]") {
  CHECK(inputs_of(make("lexical-diversity - length")) == std::vector<std::string>{"lexical-diversity", "length"});
  CHECK(inputs_of(make("org.example.difficulty.my_own-1 * 2")) ==
        std::vector<std::string>{"org.example.difficulty.my_own-1"});
  CHECK(inputs_of(make("rank(a{ x = \"}\" }) + a { x = '}' } + rank(b) + b")) ==
        std::vector<std::string>{"a { x = \"}\" }", "a { x = '}' }", "b"});
  CHECK(inputs_of(make("host.loss { model = \"runs/a\" }")) ==
        std::vector<std::string>{"host.loss { model = \"runs/a\" }"});
}

TEST_CASE("documents that cannot be judged get no score", "[sdk][difficulty][expression]") {
  for (const char* formula : {"a + 1", "min(a, 1)", "max(1, a)", "rank(a)", "z(a)"}) {
    INFO(formula);
    const Object scorer = make(formula);
    fit(scorer, {{1}, {2}, {NAN}});
    end_fit(scorer);
    CHECK(std::isnan(scores(scorer, {{NAN}})[0]));
    CHECK_FALSE(std::isnan(scores(scorer, {{1}})[0]));
  }
  CHECK(std::isnan(value("a / 0")));
  CHECK(std::isnan(value("log(a - 1)")));
  CHECK(std::isnan(value("log(0 - a)")));
}

TEST_CASE("rank and z are those of the corpus", "[sdk][difficulty][expression]") {
  std::mt19937 random(5);
  const auto corpus = rows(random, 500);
  const Object scorer = make("rank(a) + 10 * z(a * b) - rank(b)");
  fit(scorer, corpus);
  end_fit(scorer);
  const std::vector<float> got = scores(scorer, corpus);
  const auto mid_rank = [&](std::size_t column, float of) {
    double below = 0;
    for (const auto& row : corpus) below += row[column] < of ? 1 : row[column] == of ? 0.5 : 0;
    return below / static_cast<double>(corpus.size());
  };
  double mean = 0, variance = 0;
  for (const auto& row : corpus) mean += static_cast<double>(row[0]) * static_cast<double>(row[1]) / 500;
  for (const auto& row : corpus)
    variance += std::pow(static_cast<double>(row[0]) * static_cast<double>(row[1]) - mean, 2) / 500;
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    const double product = static_cast<double>(corpus[i][0]) * static_cast<double>(corpus[i][1]);
    const double expected =
        mid_rank(0, corpus[i][0]) + 10 * (product - mean) / std::sqrt(variance) - mid_rank(1, corpus[i][1]);
    CHECK(static_cast<double>(got[i]) == Approx(expected).margin(1e-4));
  }
}

TEST_CASE("a formula fitted in parts is that of the whole, and its state survives", "[sdk][difficulty][expression]") {
  std::mt19937 random(6);
  const auto corpus = rows(random, 300);
  const std::string formula = "rank(a) + z(b)";
  const Object whole = make(formula), merged = make(formula), loaded = make(formula);
  fit(whole, corpus);
  for (const std::size_t first : {200, 0, 100}) {
    const Object part = make(formula);
    const auto begin = corpus.begin() + static_cast<std::ptrdiff_t>(first);
    fit(part, {begin, begin + 100});
    merge(merged, part.save());
  }
  end_fit(whole);
  end_fit(merged);
  loaded.load(merged.save(), 1);
  const auto expected = scores(whole, corpus);
  const auto got = scores(merged, corpus);
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-6));
  CHECK(scores(loaded, corpus) == got);
}

TEST_CASE("bad formulas are refused with the position of what is wrong", "[sdk][difficulty][expression]") {
  CHECK_THAT(problem(""), Contains("expected a number") && Contains("position 1"));
  CHECK_THAT(problem("1 + 2"), Contains("names no score"));
  CHECK_THAT(problem("a +"), Contains("ends early") && Contains("position 4"));
  CHECK_THAT(problem("a b"), Contains("expected an operator or the end") && Contains("position 3"));
  CHECK_THAT(problem("(a"), Contains("expected ')'"));
  CHECK_THAT(problem("a)"), Contains("position 2"));
  CHECK_THAT(problem("sqrt(a)"), Contains("there is no function sqrt()"));
  CHECK_THAT(problem("min(a)"), Contains("two or more"));
  CHECK_THAT(problem("log(a, b)"), Contains("one argument"));
  CHECK_THAT(problem("rank(1 + z(a))"), Contains("inside each other"));
  CHECK_THAT(problem("a { x = 1"), Contains("has no '}'"));
  CHECK_THAT(problem("a ^ 2"), Contains("position 3"));
  CHECK_THAT(problem(std::string(500, '(') + "a" + std::string(500, ')')), Contains("nested too deep"));
}
