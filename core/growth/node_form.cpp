// What is known of a plan's nodes without a tensor. Inputs have smaller numbers than the nodes that read them, so one
// pass in node order (or against it) sees everything once.
#include <algorithm>

#include "core/growth/plan.h"

namespace espalier::growth {
namespace {

// A sum of terms: one term over old weights keeps its form, several meet.
Form of_sum(const Plan& plan, std::span<const NodeId> terms) {
  Form form = Form::constant;
  int over_weights = 0;
  for (const NodeId id : terms) {
    form = std::max(form, plan.node(id).form);
    over_weights += plan.node(id).form != Form::constant;
  }
  return over_weights > 1 ? std::max(form, Form::mixed) : form;
}

}  // namespace

Form form_of(const Plan& plan, const Node& node) {
  const auto of = [&](size_t input) { return plan.node(node.inputs[input]).form; };
  const auto unless_copies = [](Form form) { return form == Form::product ? Form::mixed : form; };
  switch (node.op) {
    case Op::src:
      return node.dim == 0 ? Form::copies : Form::constant;
    case Op::full:
    case Op::normal:
    case Op::data:
    case Op::learned:
      return Form::constant;
    case Op::lincomb:
      return of_sum(plan, node.inputs);
    case Op::wsum:
      if (of(0) != Form::constant) return Form::nonlinear;
      return unless_copies(of_sum(plan, std::span(node.inputs).subspan(1)));
    case Op::matmul:
    case Op::mul: {
      const Form form = std::max(of(0), of(1));
      if (of(0) != Form::constant && of(1) != Form::constant) return Form::nonlinear;
      if (node.op == Op::mul) return unless_copies(form);
      return form == Form::copies ? Form::product : form;
    }
    case Op::concat: {
      Form form = Form::constant;
      for (const NodeId id : node.inputs) form = std::max(form, plan.node(id).form);
      return unless_copies(form);
    }
    case Op::gather:
    case Op::slice:
      return unless_copies(of(0));
    case Op::permute:
    case Op::reshape:
      return of(0);
  }
  return Form::nonlinear;
}

std::vector<bool> needed_nodes(const Plan& plan) {
  std::vector<bool> needed(plan.nodes.size(), false);
  const auto need = [&](NodeId id) {
    if (id != 0) needed[id - 1] = true;
  };
  for (const auto& [name, slot] : plan.assignments)
    for (const NodeId id : {slot.value, slot.exp_avg, slot.exp_avg_sq, slot.gradient}) need(id);
  for (size_t i = needed.size(); i-- > 0;)
    if (needed[i])
      for (const NodeId input : plan.nodes[i].inputs) need(input);
  return needed;
}

}  // namespace espalier::growth
