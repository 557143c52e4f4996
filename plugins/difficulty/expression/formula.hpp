// Formulas over named scores: text to a tree, and a tree to a number.
//
//   sum     = product { ("+" | "-") product }
//   product = factor { ("*" | "/") factor }
//   factor  = "-" factor | number | "(" sum ")" | function "(" sum { "," sum } ")" | score
//   score   = name [ "{" parameters in TOML "}" ]
//
// A name may hold letters, digits, '_', '.' and, between two of these, '-': so `a-b` is a name and `a - b` a
// difference.
#pragma once

#include <espalier/cpp/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace expression {

namespace sdk = espalier::sdk;

enum class Op { kNumber, kScore, kAdd, kSubtract, kMultiply, kDivide, kNegate, kMin, kMax, kLog, kRank, kStandard };

struct Node {
  Op op = Op::kNumber;
  double number = 0;      // kNumber
  std::size_t index = 0;  // kScore: which input; kRank and kStandard: which fitted statistic
  std::vector<Node> args;
};

/// rank() or z() and what it is taken of.
struct Fitted {
  Op op;
  Node of;
};

struct Formula {
  Node root;
  std::vector<std::string> scores;  ///< each named score once, in the order of their first use
  std::vector<Fitted> fitted;
};

/// Throws Error with the position (from 1) of what is wrong.
class Parser {
 public:
  static Formula parse(std::string_view text) {
    Parser parser(text);
    parser.formula_.root = parser.sum();
    parser.skip_space();
    if (parser.at_ < text.size()) parser.fail("expected an operator or the end");
    if (parser.formula_.scores.empty()) parser.fail("names no score");
    return parser.formula_;
  }

 private:
  explicit Parser(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw sdk::invalid("expression: ", what, " at position ", at_ + 1, " of `", std::string(text_), "`");
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }

  Node sum() {
    Node left = product();
    for (;;) {
      if (take('+'))
        left = two(Op::kAdd, left, product());
      else if (take('-'))
        left = two(Op::kSubtract, left, product());
      else
        return left;
    }
  }

  Node product() {
    Node left = factor();
    for (;;) {
      if (take('*'))
        left = two(Op::kMultiply, left, factor());
      else if (take('/'))
        left = two(Op::kDivide, left, factor());
      else
        return left;
    }
  }

  Node factor() {
    if (++depth_ > 100) fail("nested too deep");
    Node out = primary();
    --depth_;
    return out;
  }

  Node primary() {
    if (take('-')) return node(Op::kNegate, {factor()});
    if (take('(')) {
      Node inner = sum();
      expect(')');
      return inner;
    }
    skip_space();
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
    const std::size_t begin = at_;
    const std::string name = read_name();
    if (take('(')) return function(name, begin);
    return score(name + parameters());
  }

  Node number() {
    Node out;
    const std::from_chars_result read = std::from_chars(text_.data() + at_, text_.data() + text_.size(), out.number);
    if (read.ec != std::errc()) fail("not a number");
    at_ = static_cast<std::size_t>(read.ptr - text_.data());
    return out;
  }

  std::string read_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || is_inner_hyphen())) ++at_;
    if (at_ == begin)
      fail(at_ == text_.size() ? "ends early: expected a number, a score or '('" : "expected a number, a score or '('");
    return std::string(text_.substr(begin, at_ - begin));
  }

  // The TOML table after a name, as written; quotes hide braces.
  std::string parameters() {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '{') return {};
    const std::size_t begin = at_;
    char quote = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote == '"' && c == '\\')
        ++at_;
      else if (quote != 0)
        quote = c == quote ? '\0' : quote;
      else if (c == '"' || c == '\'')
        quote = c;
      else if (c == '}')
        return " " + std::string(text_.substr(begin, ++at_ - begin));
    }
    at_ = begin;
    fail("the '{' has no '}'");
  }

  Node score(const std::string& input) {
    Node out;
    out.op = Op::kScore;
    const auto known = std::find(formula_.scores.begin(), formula_.scores.end(), input);
    out.index = static_cast<std::size_t>(known - formula_.scores.begin());
    if (known == formula_.scores.end()) formula_.scores.push_back(input);
    return out;
  }

  Node function(const std::string& name, std::size_t begin) {
    const bool fitted = name == "rank" || name == "z";
    if (!fitted && name != "min" && name != "max" && name != "log") {
      at_ = begin;
      fail("there is no function " + name + "(); there are min, max, log, z and rank");
    }
    if (fitted && in_fitted_) {
      at_ = begin;
      fail("z() and rank() cannot lie inside each other");
    }
    in_fitted_ = fitted || in_fitted_;
    std::vector<Node> args = {sum()};
    while (take(',')) args.push_back(sum());
    expect(')');
    if (fitted) in_fitted_ = false;
    const bool many = name == "min" || name == "max";
    if (many == (args.size() < 2)) {
      at_ = begin;
      fail(name + "() takes " + (many ? "two or more arguments" : "one argument"));
    }
    if (!fitted) return node(name == "min" ? Op::kMin : name == "max" ? Op::kMax : Op::kLog, args);
    Node out;
    out.op = name == "rank" ? Op::kRank : Op::kStandard;
    out.index = formula_.fitted.size();
    formula_.fitted.push_back({out.op, args[0]});
    return out;
  }

  static Node node(Op op, std::vector<Node> args) {
    Node out;
    out.op = op;
    out.args = std::move(args);
    return out;
  }
  static Node two(Op op, const Node& left, const Node& right) { return node(op, {left, right}); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  }
  bool is_inner_hyphen() const {
    return text_[at_] == '-' && at_ > 0 && is_word(text_[at_ - 1]) && at_ + 1 < text_.size() && is_word(text_[at_ + 1]);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool in_fitted_ = false;
  Formula formula_;
};

/// The formula's value; NaN as soon as a part of it that counts is NaN. `statistic(index, value)` answers rank() and
/// z() of a value.
template <class Inputs, class Statistic>
double evaluate(const Node& node, const Formula& formula, const Inputs& inputs, const Statistic& statistic) {
  const auto arg = [&](std::size_t i) { return evaluate(node.args[i], formula, inputs, statistic); };
  switch (node.op) {
    case Op::kNumber:
      return node.number;
    case Op::kScore:
      return static_cast<double>(inputs[node.index]);
    case Op::kAdd:
      return arg(0) + arg(1);
    case Op::kSubtract:
      return arg(0) - arg(1);
    case Op::kMultiply:
      return arg(0) * arg(1);
    case Op::kDivide:
      return arg(0) / arg(1);
    case Op::kNegate:
      return -arg(0);
    case Op::kLog:
      return std::log(arg(0));
    case Op::kMin:
    case Op::kMax: {
      double out = arg(0);
      for (std::size_t i = 1; i < node.args.size(); ++i) {
        const double next = arg(i);
        if (std::isnan(out) || std::isnan(next)) return std::numeric_limits<double>::quiet_NaN();
        out = node.op == Op::kMin ? std::min(out, next) : std::max(out, next);
      }
      return out;
    }
    case Op::kRank:
    case Op::kStandard:
      return statistic(node.index, evaluate(formula.fitted[node.index].of, formula, inputs, statistic));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace expression
