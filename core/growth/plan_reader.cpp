// A plan from its canonical bytes (plan_record.cpp), which may come from anywhere.
#include <bit>

#include "core/base/error.h"
#include "core/growth/plan.h"

namespace espalier::growth {
namespace {

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& who) : bytes_(bytes), who_(who) {}

  Error damaged(const std::string& why) const { return {ErrorCode::plugin, "its stored plan " + why, who_}; }
  bool at_end() const { return bytes_.empty(); }

  uint64_t number() {
    uint64_t value = 0;
    const std::string_view bytes = take(8);
    for (size_t i = 0; i < 8; ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }
  int64_t integer() { return static_cast<int64_t>(number()); }
  double real() { return std::bit_cast<double>(number()); }
  NodeId node() {
    const uint64_t id = number();
    if (id > PlanBuilder::kMaxNodes) throw damaged("names a node that there cannot be");
    return static_cast<NodeId>(id);
  }
  std::string text() { return std::string(take(number())); }
  template <class Read>
  auto all(Read read) {
    const uint64_t count = number();
    if (count > bytes_.size() / 8) throw damaged("ends early");
    std::vector<decltype(read())> out;
    out.reserve(count);
    for (uint64_t i = 0; i < count; ++i) out.push_back(read());
    return out;
  }
  std::vector<int64_t> integers() {
    return all([&] { return integer(); });
  }
  std::vector<double> reals() {
    return all([&] { return real(); });
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > bytes_.size()) throw damaged("ends early");
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

  std::string_view bytes_;
  const std::string& who_;
};

struct Needs {
  size_t inputs, ints, reals;  // at least
};

Needs needs_of(Op op) {
  switch (op) {
    case Op::full:
    case Op::normal:
      return {0, 0, 1};
    case Op::wsum:
    case Op::gather:
    case Op::permute:
    case Op::reshape:
    case Op::learned:
      return {1, 0, 0};
    case Op::slice:
      return {1, 2, 0};
    case Op::matmul:
    case Op::mul:
      return {2, 0, 0};
    default:
      return {0, 0, 0};
  }
}

Node read_node(Reader& in) {
  Node node{};
  const uint64_t op = in.number();
  if (op > static_cast<uint64_t>(Op::learned)) throw in.damaged("holds an operation that there is not");
  node.op = static_cast<Op>(op);
  node.inputs = in.all([&] { return in.node(); });
  node.shape = in.integers();
  node.ints = in.integers();
  node.reals = in.reals();
  node.text = in.text();
  node.dim = in.integer();
  const Needs needs = needs_of(node.op);
  if (node.inputs.size() < needs.inputs || node.ints.size() < needs.ints || node.reals.size() < needs.reals)
    throw in.damaged("holds an operation that lacks an operand");
  return node;
}

NodeId rebuild(PlanBuilder& plan, const Node& node) {
  const auto& in = node.inputs;
  switch (node.op) {
    case Op::src:
      return plan.src(node.text, static_cast<uint32_t>(node.dim));
    case Op::full:
      return plan.full(node.shape, node.reals[0]);
    case Op::normal:
      return plan.normal(node.shape, node.reals[0], node.text);
    case Op::data:
      return plan.data(node.shape, node.reals);
    case Op::lincomb:
      return plan.lincomb(in, node.reals);
    case Op::wsum:
      return plan.wsum(in[0], {in.begin() + 1, in.end()});
    case Op::matmul:
      return plan.matmul(in[0], in[1], (node.dim & 1) != 0, (node.dim & 2) != 0);
    case Op::mul:
      return plan.mul(in[0], in[1]);
    case Op::gather:
      return plan.gather(in[0], node.dim, node.ints);
    case Op::slice:
      return plan.slice(in[0], node.dim, node.ints[0], node.ints[1]);
    case Op::concat:
      return plan.concat(node.dim, in);
    case Op::permute:
      return plan.permute(in[0], node.ints);
    case Op::reshape:
      return plan.reshape(in[0], node.shape);
    case Op::learned:
      return plan.learned(node.text, in[0]);
  }
  return 0;
}

void read_assignments(Reader& in, PlanBuilder& plan) {
  for (uint64_t left = in.number(); left > 0; --left) {
    const std::string name = in.text();
    const auto slot = in.all([&] { return in.number(); });
    if (slot.size() != 4) throw in.damaged("holds an assignment that is none");
    const auto node = [&](size_t i) { return static_cast<NodeId>(std::min<uint64_t>(slot[i], UINT32_MAX)); };
    const auto moments = static_cast<uint32_t>(std::min<uint64_t>(slot[1], UINT32_MAX));
    plan.assign(name, node(0), moments);
    const bool gradient = moments == static_cast<uint32_t>(Moments::like_gradient);
    if (slot[2] != 0) plan.assign_moment(name, gradient ? 3 : 1, node(2));
    if (slot[3] != 0) plan.assign_moment(name, 2, node(3));
  }
}

void read_learning(Reader& in, PlanBuilder& plan) {
  const std::vector<int64_t> counts = in.integers();
  const std::vector<double> reals = in.reals();
  if (counts.size() != 3 || reals.size() != 6 || counts[2] < 0 || counts[2] > 2)
    throw in.damaged("says something else than how its leaves are learned");
  plan.learn({counts[0], counts[1], static_cast<Learning::Shape>(counts[2]), reals[0], reals[1], reals[2], reals[3],
              reals[4], reals[5]});
}

}  // namespace

Plan plan_of_bytes(std::string_view bytes, const ModelSpec& from, const ModelSpec& to, const std::string& who) {
  Reader in(bytes, who);
  if (in.text() != "espalier-plan-0") throw in.damaged("is of another format");
  PlanBuilder plan(from, to);
  const uint64_t count = in.number();
  for (uint64_t i = 0; i < count && plan.problem().empty(); ++i) rebuild(plan, read_node(in));
  if (plan.problem().empty()) {
    read_assignments(in, plan);
    if (const double tol = in.real(); tol >= 0) plan.expect_preserving(tol);
    if (!in.at_end()) read_learning(in, plan);
    if (!in.at_end()) throw in.damaged("goes on after its end");
  }
  Plan out = plan.finish(who);
  if (canonical_bytes(out) != bytes) throw in.damaged("states shapes that do not follow from it");
  return out;
}

}  // namespace espalier::growth
