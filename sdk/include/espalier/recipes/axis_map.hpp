// Growth in width, the numbers: which old unit each new unit of an axis comes from. width.hpp makes expressions of
// them.
#pragma once

#include <espalier/cpp/arch.hpp>
#include <espalier/cpp/host.hpp>

#include <cmath>
#include <functional>
#include <string_view>
#include <vector>

namespace espalier::sdk {

constexpr std::int64_t kNoUnit = -1;  ///< a new unit without an original

/// How one axis ("d_model", "q", "kv", "d_ff") grows. The vectors have one entry a new unit.
struct AxisMap {
  std::int64_t num_old = 0;
  std::vector<std::int64_t> from;  ///< the old unit, or kNoUnit
  std::vector<double> added;       ///< 1 unless it is the original in its new place
  std::vector<double> make, use;   ///< factors of weights that produce the unit and of weights that consume it
  /// The part of the old unit's gradient that comes back to this one: those that consume copies share it out by `use`.
  std::vector<double> share;

  std::size_t size() const { return from.size(); }
  /// False: every unit stays as it is, and no expression changes.
  bool changes() const {
    if (static_cast<std::int64_t>(size()) != num_old) return true;
    for (std::size_t i = 0; i < size(); ++i) {
      if (from[i] != static_cast<std::int64_t>(i) || make[i] != 1 || use[i] != 1) return true;
    }
    return false;
  }
  /// 1 for each unit without an original.
  std::vector<double> orphans() const {
    std::vector<double> out;
    for (const std::int64_t unit : from) out.push_back(unit == kNoUnit ? 1 : 0);
    return out;
  }
  /// Has every old unit the same number of copies, and every new unit an original? Then duplication leaves the
  /// statistics of a norm over this axis as they are.
  bool uniform() const {
    std::vector<std::int64_t> copies(static_cast<std::size_t>(num_old), 0);
    for (const std::int64_t unit : from) {
      if (unit == kNoUnit) return false;
      ++copies[static_cast<std::size_t>(unit)];
    }
    for (const std::int64_t count : copies) {
      if (count != copies[0]) return false;
    }
    return true;
  }
};

/// Chooses originals: entry i of the answer is i for i < num_old, and the old unit that new unit i copies (or kNoUnit)
/// from there on. `what` names the axis.
using Choose = std::function<std::vector<std::int64_t>(std::int64_t num_old, std::int64_t num_new, const char* what)>;

/// New units have no original.
inline std::vector<std::int64_t> padded(std::int64_t num_old, std::int64_t num_new, const char*) {
  std::vector<std::int64_t> from;
  for (std::int64_t i = 0; i < num_new; ++i) from.push_back(i < num_old ? i : kNoUnit);
  return from;
}

/// New unit i copies old unit i mod num_old.
inline std::vector<std::int64_t> circular(std::int64_t num_old, std::int64_t num_new, const char*) {
  std::vector<std::int64_t> from;
  for (std::int64_t i = 0; i < num_new; ++i) from.push_back(i % num_old);
  return from;
}

/// Each new unit copies an old one drawn uniformly (Net2WiderNet): pure in (run seed, axis, size).
inline Choose random_choice(Rng rng) {
  return [rng](std::int64_t num_old, std::int64_t num_new, const char* what) {
    std::vector<std::int64_t> from = padded(num_old, num_new, what);
    const std::vector<double> draws = rng.uniform(what, static_cast<std::uint64_t>(num_new), from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] == kNoUnit) from[i] = static_cast<std::int64_t>(draws[i] * static_cast<double>(num_old));
    }
    return from;
  };
}

/// The map of units chosen so. Producers keep their weights; the consumers' factors over the copies of an old unit are
/// in proportion to `weights` and sum to 1.
inline AxisMap axis_map(std::int64_t num_old, std::vector<std::int64_t> from, const std::vector<double>& weights) {
  AxisMap map;
  map.num_old = num_old;
  std::vector<double> total(static_cast<std::size_t>(num_old), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != kNoUnit) total[static_cast<std::size_t>(from[i])] += weights[i];
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    map.added.push_back(static_cast<std::int64_t>(i) < num_old ? 0 : 1);
    map.make.push_back(1);
    map.use.push_back(from[i] == kNoUnit ? 1 : weights[i] / total[static_cast<std::size_t>(from[i])]);
  }
  map.share = map.use;
  map.from = std::move(from);
  return map;
}

/// Each unit of `outer` becomes a block of units that `inner` maps.
inline AxisMap blocks(const AxisMap& outer, const AxisMap& inner) {
  AxisMap map;
  map.num_old = outer.num_old * inner.num_old;
  for (std::size_t o = 0; o < outer.size(); ++o) {
    for (std::size_t i = 0; i < inner.size(); ++i) {
      const bool orphan = outer.from[o] == kNoUnit || inner.from[i] == kNoUnit;
      map.from.push_back(orphan ? kNoUnit : outer.from[o] * inner.num_old + inner.from[i]);
      map.added.push_back(outer.added[o] != 0 || inner.added[i] != 0 ? 1 : 0);
      map.make.push_back(outer.make[o] * inner.make[i]);
      map.use.push_back(outer.use[o] * inner.use[i]);
      map.share.push_back(outer.share[o] * inner.share[i]);
    }
  }
  return map;
}

/// Weights for the shares of copies; see axis_map().
using Weigh = std::function<std::vector<double>(std::size_t count, const char* what)>;
inline std::vector<double> equal_weights(std::size_t count, const char*) {
  return std::vector<double>(count, 1.0);
}

/// Query and key/value heads, as units.
struct HeadMap {
  AxisMap query, kv;
};

/// Throws Error where the heads of `from` cannot keep their key/value heads inside those of `to`.
inline void check_heads(const Dims& from, const Dims& to) {
  const std::int64_t old_group = from.num_heads / from.num_kv_heads, new_group = to.num_heads / to.num_kv_heads;
  if (new_group < old_group && old_group % new_group != 0) {
    throw invalid("query heads cannot keep their key/value heads: groups of ", old_group, " (num_heads ",
                  from.num_heads, ", num_kv_heads ", from.num_kv_heads, ") cannot be cut into groups of ", new_group,
                  " (num_heads ", to.num_heads, ", num_kv_heads ", to.num_kv_heads, ")");
  }
}

/// Which old head each new head comes from. Old query heads keep their key/value head: with grouped-query attention,
/// new heads join inside each group, and new groups come last; a group that is cut gets its key/value head in each
/// part.
inline HeadMap map_heads(const Dims& from, const Dims& to, const Choose& choose, const Weigh& weigh = equal_weights) {
  check_heads(from, to);
  const std::int64_t old_group = from.num_heads / from.num_kv_heads, new_group = to.num_heads / to.num_kv_heads;
  const std::int64_t kept = old_group < new_group ? old_group : new_group, parts = old_group / kept;
  const std::vector<std::int64_t> groups = choose(from.num_kv_heads * parts, to.num_kv_heads, "kv");
  const std::vector<std::int64_t> members = choose(kept, new_group, "group");
  std::vector<std::int64_t> query, kv;
  std::vector<double> query_added, kv_added;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool new_head = static_cast<std::int64_t>(g) >= from.num_kv_heads * parts;
    kv.push_back(groups[g] == kNoUnit ? kNoUnit : groups[g] / parts);
    kv_added.push_back(new_head || static_cast<std::int64_t>(g) % parts != 0 ? 1 : 0);
    for (std::size_t m = 0; m < members.size(); ++m) {
      const bool orphan = groups[g] == kNoUnit || members[m] == kNoUnit;
      query.push_back(orphan ? kNoUnit : groups[g] * kept + members[m]);
      query_added.push_back(new_head || static_cast<std::int64_t>(m) >= kept ? 1 : 0);
    }
  }
  HeadMap map{axis_map(from.num_heads, query, weigh(query.size(), "q")),
              axis_map(from.num_kv_heads, kv, equal_weights(kv.size(), "kv"))};
  map.query.added = query_added;
  map.kv.added = kv_added;
  // Nobody sums over copies of a key/value head: each query head reads one. So what comes back to a copy is what its
  // query heads get, of all that the old head's got: exact where each of them has the same part.
  map.kv.use.assign(kv.size(), 1.0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    double share = 0;
    for (std::size_t m = 0; m < members.size(); ++m) {
      const std::size_t head = g * members.size() + m;
      if (query[head] != kNoUnit) share += map.query.use[head];
    }
    map.kv.share[g] = share / static_cast<double>(old_group);
  }
  return map;
}

/// All axes of a model.
struct WidthMap {
  AxisMap d_model, q, kv, d_ff;

  /// The axis of that name; nullptr for "vocab" and "seq", which never grow.
  const AxisMap* find(std::string_view axis) const {
    if (axis == "d_model") return &d_model;
    if (axis == "q") return &q;
    if (axis == "kv") return &kv;
    return axis == "d_ff" ? &d_ff : nullptr;
  }
};

/// Maps of all axes: `stream` chooses for d_model, `inner` for heads and hidden units. A head_dim that grows is padded,
/// and the queries are scaled by sqrt(head_dim' / head_dim), which the attention's 1 / sqrt(head_dim') takes back.
inline WidthMap map_width(const Dims& from, const Dims& to, const Choose& stream, const Choose& inner,
                          const Weigh& weigh = equal_weights) {
  const auto map = [](std::int64_t before, std::int64_t after, const Choose& choose, const Weigh& weight,
                      const char* what) {
    return axis_map(before, choose(before, after, what), weight(static_cast<std::size_t>(after), what));
  };
  const HeadMap heads = map_heads(from, to, inner, weigh);
  AxisMap in_head = map(from.head_dim, to.head_dim, padded, equal_weights, "head_dim");
  WidthMap out;
  out.d_model = map(from.d_model, to.d_model, stream, weigh, "d_model");
  out.d_ff = map(from.d_ff, to.d_ff, inner, weigh, "d_ff");
  out.kv = blocks(heads.kv, in_head);
  const double scale = std::sqrt(static_cast<double>(to.head_dim) / static_cast<double>(from.head_dim));
  for (double& make : in_head.make) make *= scale;
  out.q = blocks(heads.query, in_head);
  return out;
}

}  // namespace espalier::sdk
