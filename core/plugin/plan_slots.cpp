#include "core/plugin/plan_slots.h"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>

#include "core/base/error.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/sized.h"

namespace espalier::plugin {

using growth::NodeId;

// The functions of esp_plan. Each reads the plugin's arrays into vectors and hands them to the builder.
struct Slots {
  static constexpr int32_t kMaxRank = 8;
  static constexpr uint64_t kMaxItems = uint64_t{1} << 26;  // of one array: enough for any index over a dimension

  template <class Item, class Out = Item>
  static std::vector<Out> array(const Item* items, uint64_t n, const char* what) {
    if (n > kMaxItems) throw std::invalid_argument(fmt::format("{} has {} items", what, n));
    if (n > 0 && items == nullptr) throw std::invalid_argument(fmt::format("{} is a null pointer", what));
    return std::vector<Out>(items, items + n);
  }

  static std::vector<int64_t> shape(int32_t ndim, const int64_t* sizes) {
    if (ndim < 0 || ndim > kMaxRank) throw std::invalid_argument(fmt::format("a shape of {} dimensions", ndim));
    return array(sizes, static_cast<uint64_t>(ndim), "the shape");
  }

  static std::string text(esp_str value, const char* what) { return read_text(value, what, ""); }

  // Runs one slot: after the first failure everything is refused, and nothing is thrown into the plugin.
  template <class Body>
  static auto run(void* impl, const char* op, Body&& body) noexcept -> decltype(body(std::declval<PlanSlots&>())) {
    using Result = decltype(body(std::declval<PlanSlots&>()));
    if (impl == nullptr) return Result{0};
    auto& self = *static_cast<PlanSlots*>(impl);
    if (!self.problem().empty()) return Result{0};
    try {
      return body(self);
    } catch (const Error& error) {
      self.problem_ = fmt::format("{}: {}", op, error.message());
    } catch (const std::exception& error) {
      self.problem_ = fmt::format("{}: {}", op, error.what());
    } catch (...) {
      self.problem_ = fmt::format("{}: failed", op);
    }
    return Result{0};
  }

  static esp_expr src(void* impl, esp_str old_param, uint32_t what) noexcept {
    return run(impl, "src", [&](PlanSlots& s) { return s.builder_.src(text(old_param, "parameter name"), what); });
  }
  static esp_expr full(void* impl, int32_t ndim, const int64_t* sizes, double value) noexcept {
    return run(impl, "full", [&](PlanSlots& s) { return s.builder_.full(shape(ndim, sizes), value); });
  }
  static esp_expr normal(void* impl, int32_t ndim, const int64_t* sizes, double std, esp_str purpose) noexcept {
    return run(impl, "normal",
               [&](PlanSlots& s) { return s.builder_.normal(shape(ndim, sizes), std, text(purpose, "purpose")); });
  }
  static esp_expr data(void* impl, int32_t ndim, const int64_t* sizes, const double* values) noexcept {
    return run(impl, "data", [&](PlanSlots& s) {
      const std::vector<int64_t> dims = shape(ndim, sizes);
      uint64_t count = 1;
      for (const int64_t size : dims) {
        if (size < 1 || static_cast<uint64_t>(size) > kMaxItems / count)
          throw std::invalid_argument(fmt::format("a constant with a dimension of {} is empty or too large", size));
        count *= static_cast<uint64_t>(size);
      }
      return s.builder_.data(dims, array(values, count, "the array of values"));
    });
  }
  static esp_expr lincomb(void* impl, uint32_t n, const esp_expr* terms, const double* coefs) noexcept {
    return run(impl, "lincomb", [&](PlanSlots& s) {
      return s.builder_.lincomb(array(terms, n, "the array of terms"), array(coefs, n, "the array of coefficients"));
    });
  }
  static esp_expr wsum(void* impl, esp_expr weights, uint32_t n, const esp_expr* terms) noexcept {
    return run(impl, "wsum",
               [&](PlanSlots& s) { return s.builder_.wsum(weights, array(terms, n, "the array of terms")); });
  }
  static esp_expr matmul(void* impl, esp_expr a, esp_expr b, int32_t transpose_a, int32_t transpose_b) noexcept {
    return run(impl, "matmul",
               [&](PlanSlots& s) { return s.builder_.matmul(a, b, transpose_a != 0, transpose_b != 0); });
  }
  static esp_expr mul(void* impl, esp_expr a, esp_expr b) noexcept {
    return run(impl, "mul", [&](PlanSlots& s) { return s.builder_.mul(a, b); });
  }
  static esp_expr gather(void* impl, esp_expr a, int32_t dim, const int64_t* index, uint64_t n) noexcept {
    return run(impl, "gather", [&](PlanSlots& s) { return s.builder_.gather(a, dim, array(index, n, "the index")); });
  }
  static esp_expr slice(void* impl, esp_expr a, int32_t dim, int64_t begin, int64_t end) noexcept {
    return run(impl, "slice", [&](PlanSlots& s) { return s.builder_.slice(a, dim, begin, end); });
  }
  static esp_expr concat(void* impl, int32_t dim, uint32_t n, const esp_expr* parts) noexcept {
    return run(impl, "concat",
               [&](PlanSlots& s) { return s.builder_.concat(dim, array(parts, n, "the array of parts")); });
  }
  static esp_expr permute(void* impl, esp_expr a, int32_t ndim, const int32_t* dims) noexcept {
    return run(impl, "permute", [&](PlanSlots& s) {
      if (ndim < 0 || ndim > kMaxRank) throw std::invalid_argument(fmt::format("{} dimensions", ndim));
      return s.builder_.permute(a, array<int32_t, int64_t>(dims, static_cast<uint64_t>(ndim), "the order"));
    });
  }
  static esp_expr reshape(void* impl, esp_expr a, int32_t ndim, const int64_t* sizes) noexcept {
    return run(impl, "reshape", [&](PlanSlots& s) { return s.builder_.reshape(a, shape(ndim, sizes)); });
  }

  static esp_expr learned(void* impl, esp_str name, esp_expr init) noexcept {
    return run(impl, "learned", [&](PlanSlots& s) { return s.builder_.learned(text(name, "leaf name"), init); });
  }

  static esp_status done(bool ok) { return ok ? ESP_OK : ESP_INVALID_ARGUMENT; }
  static esp_status assign(void* impl, esp_str new_param, esp_expr value, uint32_t moments) noexcept {
    return done(run(impl, "assign", [&](PlanSlots& s) {
      return s.builder_.assign(text(new_param, "parameter name"), value, moments);
    }));
  }
  static esp_status assign_moment(void* impl, esp_str new_param, uint32_t what, esp_expr value) noexcept {
    return done(run(impl, "assign_moment", [&](PlanSlots& s) {
      return s.builder_.assign_moment(text(new_param, "parameter name"), what, value);
    }));
  }
  static esp_status learn(void* impl, const esp_learning* theirs) noexcept {
    return done(run(impl, "learn", [&](PlanSlots& s) {
      const auto l = sized_copy<esp_learning>(theirs, ESPALIER_SIZE_UP_TO(esp_learning, max_norm), "learning", "plan");
      constexpr uint64_t kMaxSteps = uint64_t{1} << 40;
      if (l.steps > kMaxSteps || l.warmup > kMaxSteps || l.shape > ESP_LEARNING_COSINE)
        throw std::invalid_argument(fmt::format("{} steps, {} of warm-up, shape {}", l.steps, l.warmup, l.shape));
      return s.builder_.learn({static_cast<int64_t>(l.steps), static_cast<int64_t>(l.warmup),
                               static_cast<growth::Learning::Shape>(l.shape), l.lr, l.weight_decay, l.beta1, l.beta2,
                               l.eps, l.max_norm});
    }));
  }
  static esp_status expect_preserving(void* impl, double tol) noexcept {
    return done(run(impl, "expect_preserving", [&](PlanSlots& s) { return s.builder_.expect_preserving(tol); }));
  }
};

esp_plan PlanSlots::table() {
  return {sizeof(esp_plan),
          0,
          this,
          &Slots::src,
          &Slots::full,
          &Slots::normal,
          &Slots::data,
          &Slots::lincomb,
          &Slots::wsum,
          &Slots::matmul,
          &Slots::mul,
          &Slots::gather,
          &Slots::slice,
          &Slots::concat,
          &Slots::permute,
          &Slots::reshape,
          &Slots::learned,
          &Slots::assign,
          &Slots::assign_moment,
          &Slots::expect_preserving,
          &Slots::learn};
}

growth::Plan PlanSlots::finish(const std::string& who) {
  if (!problem_.empty())
    throw Error(ErrorCode::plugin, "the growth plan is invalid: " + problem_, who,
                "nothing was changed; this is a defect of the plugin");
  return builder_.finish(who);
}

esp_dims dims_of(const ModelSpec& spec) {
  return {sizeof(esp_dims), 0,         spec.num_layers, spec.d_model, spec.num_heads, spec.num_kv_heads,
          spec.head_dim,    spec.d_ff, spec.vocab_size, spec.seq_len, spec.norm_eps};
}

ArchView::ArchView(const ModelSpec& spec) : params_(param_infos(spec)) {
  axes_.reserve(params_.size());
  for (const ParamInfo& param : params_) {
    std::vector<esp_str>& axes = axes_.emplace_back();
    for (const std::string& axis : param.axes) axes.push_back(to_abi(axis));
    infos_.push_back({to_abi(param.name), to_abi(param.role), param.layer, static_cast<int32_t>(param.shape.size()),
                      param.shape.data(), axes.data()});
  }
  table_.struct_size = sizeof(esp_arch);
  table_.flags = (spec.norm == Norm::layernorm ? ESP_ARCH_LAYERNORM : 0) |
                 (spec.position == Position::learned ? ESP_ARCH_LEARNED_POS : 0) |
                 (spec.gated() ? ESP_ARCH_GATED_MLP : 0) | (spec.attention_bias || spec.mlp_bias ? ESP_ARCH_BIAS : 0) |
                 (spec.tie_embeddings ? ESP_ARCH_TIED : 0);
  table_.dims = dims_of(spec);
  table_.rope_theta = spec.rope_theta;
  table_.num_params = infos_.size();
  table_.params = infos_.data();
}

}  // namespace espalier::plugin
