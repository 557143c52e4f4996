// Staged training: width x2 by block-diagonal weights, depth x2 by identity layers or copies, with the optimizer's
// moments.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Staged final : public sdk::StagewiseGrowth {
 public:
  static void describe(sdk::Description<Staged>& about) {
    about.id("org.espalier.growth.staged").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("doubles width block-diagonally and depth by identity layers, together with the optimizer's moments");
    about.url("https://arxiv.org/abs/2203.06211");
    about.citation("Shen et al., Staged Training for Transformer Language Models, ICML 2022");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("depth", &Staged::depth_, "new layers: a layer with zero output projections, or an exact copy")
        .choices({"identity", "copy"});
    about.param("layout", &Staged::layout_, "each new layer after its original, or all on top")
        .choices({"alternate", "append"});
    about
        .param("moments", &Staged::moments_,
               "optimizer moments of changed and copied parameters: as in the paper, or fresh")
        .choices({"copy", "zero"});
    about
        .param(
            "noise", &Staged::noise_,
            "width: standard deviation of what each weight matrix moves between its two inputs that are equal, which "
            "parts the halves without a change of the function; 0: the halves stay equal")
        .min(0)
        .tunable();
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    check_plan(from.dims(), to.dims());
    const std::vector<sdk::LayerSource> layers = doubled_layers(from.num_layers(), to.num_layers());
    const bool wider = from.dims().d_model != to.dims().d_model;
    for (const sdk::Param& param : to.params()) {
      const sdk::LayerSource source = sdk::source_of(layers, param);
      const sdk::Param& old = from.find_like(param, source.old_layer);
      if (source.is_copy && depth_ == "identity" && sdk::writes_residual(param)) {
        plan.assign(param, plan.full(param.shape(), 0), sdk::Moments::kZero);
      } else {
        assign(plan, param, old, wider, source.is_copy);
      }
    }
    if (from.num_layers() == to.num_layers() || depth_ == "identity") plan.expect_preserving(sdk::kPreservingTolerance);
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override {
    const auto factor = [](std::int64_t before, std::int64_t after, const char* what) {
      if (before == after) return 1;
      if (2 * before == after) return 2;
      throw sdk::invalid(what, " ", before, " can stay or double, not become ", after);
    };
    factor(from.num_layers, to.num_layers, "num_layers");
    const int width = factor(from.d_model, to.d_model, "d_model");
    const bool together = factor(from.num_heads, to.num_heads, "num_heads") == width &&
                          factor(from.num_kv_heads, to.num_kv_heads, "num_kv_heads") == width &&
                          factor(from.d_ff, to.d_ff, "d_ff") == width;
    if (!together) throw sdk::invalid("d_model, num_heads, num_kv_heads and d_ff double together or not at all");
  }

 private:
  std::vector<sdk::LayerSource> doubled_layers(std::int64_t num_old, std::int64_t num_new) const {
    std::vector<sdk::LayerSource> layers = sdk::unchanged_layers(num_old);
    if (num_new == num_old) return layers;
    if (layout_ == "alternate") return sdk::insert_layers(num_old, num_new - num_old, "interleaved");
    const std::vector<sdk::LayerSource> copies = sdk::copies_of(0, num_old);
    layers.insert(layers.end(), copies.begin(), copies.end());
    return layers;
  }

  /// Gradients behind the final norm halve, since each half of the stream carries half of them; those of the final norm
  /// itself do not, as its output was halved. So exp_avg / 2 and exp_avg_sq / 4, but for the final norm.
  void assign(const sdk::Plan& plan, const sdk::Param& param, const sdk::Param& old, bool wider, bool is_copy) const {
    const bool fresh = moments_ == "zero" && (wider || is_copy);
    const sdk::Expr value =
        wider ? parted(plan, param, doubled(plan, param, plan.src(old), weight_factor(param))) : plan.src(old);
    if (!wider || fresh) {
      plan.assign(param, value, fresh ? sdk::Moments::kZero : sdk::Moments::kMap);
      return;
    }
    const double gradient = param.role() == "final_norm" ? 1 : 0.5;
    plan.assign(param, value, sdk::Moments::kCustom);
    plan.assign_moment(param, sdk::What::kExpAvg, doubled(plan, param, plan.src(old, sdk::What::kExpAvg), gradient));
    plan.assign_moment(param, sdk::What::kExpAvgSq,
                       doubled(plan, param, plan.src(old, sdk::What::kExpAvgSq), gradient * gradient));
  }

  /// The head sums two equal halves: the final norm halves its output.
  static double weight_factor(const sdk::Param& param) { return param.role() == "final_norm" ? 0.5 : 1; }

  /// [[W, 0], [0, W]] for linear weights, [E, E] for embeddings and head, [v; v] for vectors; times `factor`.
  static sdk::Expr doubled(const sdk::Plan& plan, const sdk::Param& param, sdk::Expr old, double factor) {
    const sdk::Expr part = factor == 1 ? old : factor * old;
    if (param.shape().size() == 1) return plan.concat(0, {part, part});
    if (sdk::side_of(param, 0) == sdk::Side::kFixed) return plan.concat(1, {part, part});
    const sdk::Expr none = plan.full({param.shape()[0] / 2, param.shape()[1] / 2}, 0);
    return plan.concat(0, {plan.concat(1, {part, none}), plan.concat(1, {none, part})});
  }

  /// Both halves of a linear weight's input are equal, so whatever a row takes from one half and gives to the other
  /// changes nothing that it computes: [[W - N, N], [M, W - M]]. But what flows back to the halves differs, and the two
  /// halves of every layer learn apart. Exact halves would stay equal but for rounding, which depends on the number of
  /// threads.
  sdk::Expr parted(const sdk::Plan& plan, const sdk::Param& param, sdk::Expr value) const {
    if (noise_ == 0 || param.shape().size() < 2 || sdk::side_of(param, 0) == sdk::Side::kFixed) return value;
    const std::int64_t rows = param.shape()[0] / 2, columns = param.shape()[1] / 2;
    const std::string name(param.name());
    const sdk::Expr upper = plan.normal({rows, columns}, noise_, name + "/upper");
    const sdk::Expr lower = plan.normal({rows, columns}, noise_, name + "/lower");
    return value + plan.concat(0, {plan.concat(1, {-1.0 * upper, upper}), plan.concat(1, {lower, -1.0 * lower})});
  }

  double noise_ = 1e-4;
  std::string depth_ = "identity", layout_ = "alternate", moments_ = "copy";
};

ESPALIER_PLUGIN(Staged);
