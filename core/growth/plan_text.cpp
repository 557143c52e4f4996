#include "core/growth/plan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/base/control_characters.h"

namespace espalier::growth {
namespace {

constexpr size_t kMaxText = 240;  // characters of an expression
constexpr int kMaxDepth = 24;
constexpr size_t kMaxItems = 6;   // of a list
constexpr size_t kMaxName = 100;  // bytes; whoever wrote the plan chose the names of its leaves and of its noise

const char* name_of(Moments moments) {
  switch (moments) {
    case Moments::zero:
      return "zero";
    case Moments::map:
      return "map";
    case Moments::custom:
      return "custom";
    case Moments::like_gradient:
      return "like_gradient";
  }
  return "?";
}

// 0, 1, 2, 3, ..., 63
std::string list_of(const std::vector<int64_t>& items) {
  if (items.size() <= kMaxItems) return fmt::format("{}", fmt::join(items, ", "));
  return fmt::format("{}, ..., {}", fmt::join(items.begin(), items.begin() + kMaxItems - 2, ", "), items.back());
}

class Expression {
 public:
  explicit Expression(const Plan& plan) : plan_(plan) {}

  std::string of(NodeId id) {
    text_.clear();
    write(id, 0);
    return text_;
  }

 private:
  void put(std::string_view text) { text_ += text; }
  void all(const Node& node, size_t first, int depth) {
    for (size_t i = first; i < node.inputs.size(); ++i) {
      if (i > first) put(", ");
      if (i - first >= kMaxItems) return put("...");
      write(node.inputs[i], depth);
    }
  }
  void call(const char* name, const Node& node, const std::string& rest, int depth) {
    put(name);
    put("(");
    all(node, 0, depth);
    put(rest.empty() ? ")" : ", " + rest + ")");
  }

  void write(NodeId id, int depth) {
    if (text_.size() > kMaxText || depth > kMaxDepth) return put("...");
    const Node& node = plan_.node(id);
    switch (node.op) {
      case Op::src:
        put(one_line(node.text, kMaxName));
        if (node.dim == static_cast<int64_t>(What::exp_avg)) put(".exp_avg");
        if (node.dim == static_cast<int64_t>(What::exp_avg_sq)) put(".exp_avg_sq");
        return;
      case Op::full:
        return put(fmt::format("full([{}], {:.6g})", list_of(node.shape), node.reals[0]));
      case Op::normal:
        return put(fmt::format("normal([{}], std {:.6g}, {})", list_of(node.shape), node.reals[0],
                               one_line(node.text, kMaxName)));
      case Op::data:
        return put(fmt::format("data([{}])", list_of(node.shape)));
      case Op::learned:
        put(fmt::format("learned({}, from ", one_line(node.text, kMaxName)));
        all(node, 0, depth + 1);
        return put(")");
      case Op::lincomb:
        return lincomb(node, depth);
      case Op::wsum:
        put("wsum(");
        write(node.inputs[0], depth + 1);
        put("; ");
        all(node, 1, depth + 1);
        return put(")");
      case Op::matmul:
        put("(");
        write(node.inputs[0], depth + 1);
        put(node.dim & 1 ? "^T @ " : " @ ");
        write(node.inputs[1], depth + 1);
        return put(node.dim & 2 ? "^T)" : ")");
      case Op::mul:
        return call("mul", node, "", depth + 1);
      case Op::gather:
        return call("gather", node, fmt::format("dim {}, [{}]", node.dim, list_of(node.ints)), depth + 1);
      case Op::slice:
        return call("slice", node, fmt::format("dim {}, {}:{}", node.dim, node.ints[0], node.ints[1]), depth + 1);
      case Op::concat:
        return call("concat", node, fmt::format("dim {}", node.dim), depth + 1);
      case Op::permute:
        return call("permute", node, fmt::format("[{}]", list_of(node.ints)), depth + 1);
      case Op::reshape:
        return call("reshape", node, fmt::format("[{}]", list_of(node.shape)), depth + 1);
    }
  }

  void lincomb(const Node& node, int depth) {
    if (node.inputs.size() > 1) put("(");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (i > 0) put(" + ");
      if (i >= kMaxItems) {
        put("...");
        break;
      }
      if (node.reals[i] != 1) put(fmt::format("{:.6g} * ", node.reals[i]));
      write(node.inputs[i], depth + 1);
    }
    if (node.inputs.size() > 1) put(")");
  }

  const Plan& plan_;
  std::string text_;
};

// "map", "custom: exp_avg ..., exp_avg_sq ..."
std::string rule_of(const Assignment& slot, Expression& expression) {
  std::string out = name_of(slot.moments);
  if (slot.moments == Moments::custom)
    out += fmt::format(": exp_avg {}, exp_avg_sq {}", expression.of(slot.exp_avg), expression.of(slot.exp_avg_sq));
  if (slot.moments == Moments::like_gradient && slot.gradient != 0)
    out += fmt::format(": gradient {}", expression.of(slot.gradient));
  return out;
}

// "layers.3." and "attn.q.weight"; an empty head outside the layers.
std::pair<std::string, std::string> split_layer(const std::string& name) {
  constexpr std::string_view kLayers = "layers.";
  if (!name.starts_with(kLayers)) return {"", name};
  const size_t dot = name.find('.', kLayers.size());
  return dot == std::string::npos ? std::pair<std::string, std::string>{"", name}
                                  : std::pair{name.substr(0, dot + 1), name.substr(dot + 1)};
}

// Layer 10 comes after layer 9; what is in none comes first.
int64_t layer_of(const std::string& head) {
  int64_t layer = -1;
  const size_t dot = head.find('.');
  if (dot != std::string::npos) std::from_chars(head.data() + dot + 1, head.data() + head.size(), layer);
  return layer;
}

std::string with_star(std::string text, const std::string& part) {
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    text.replace(at, part.size(), "*");
  return text;
}

}  // namespace

std::vector<std::string> plan_lines(const Plan& plan) {
  struct Line {
    std::string name, head, starred, text;
    size_t count = 1;
  };
  std::vector<Line> lines;
  Expression expression(plan);
  for (const auto& [name, slot] : plan.assignments) {
    const std::string made = fmt::format("{} | moments {}", expression.of(slot.value), rule_of(slot, expression));
    const auto [head, part] = split_layer(name);
    const std::string starred = head.empty() ? made : with_star(made, part);
    if (!lines.empty() && !head.empty() && lines.back().head == head && lines.back().starred == starred)
      ++lines.back().count;
    else
      lines.push_back({name, head, starred, made});
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return layer_of(a.head) < layer_of(b.head); });
  std::vector<std::string> out;
  for (const Line& line : lines)
    out.push_back(line.count == 1 ? fmt::format("{} = {}", line.name, line.text)
                                  : fmt::format("{}* = {} ({} parameters)", line.head, line.starred, line.count));
  return out;
}

}  // namespace espalier::growth
