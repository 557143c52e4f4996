// Growth in several dimensions: the stages as the user lists them.
#pragma once

#include <espalier/cpp/growth.hpp>

#include <string>
#include <utility>
#include <vector>

namespace espalier::sdk {

/// Base of the strategies that grow width and depth. The user lists the shapes of the stages before the final one,
/// which is [model]: one list a dimension, one entry a stage; a dimension without a list has its final size from the
/// start. A derived class calls describe_stages() in its describe(), and overrides check_step() where it can do less.
class StagewiseGrowth : public Growth {
 public:
  std::uint32_t num_stages(Call&, const Dims& final_dims) override {
    const std::size_t listed = num_listed();
    for (std::size_t stage = 0; stage <= listed; ++stage) check_shape(shape(final_dims, stage), stage);
    for (std::size_t stage = 0; stage < listed; ++stage) {
      const Dims from = shape(final_dims, stage), to = shape(final_dims, stage + 1);
      check_growing(from, to, stage);
      check_step(from, to);
    }
    return static_cast<std::uint32_t>(listed + 1);
  }

  Dims stage_dims(Call&, const Dims& final_dims, std::uint32_t stage) override {
    if (stage > num_listed()) throw invalid("stage ", stage, " of ", num_listed() + 1);
    Dims dims = shape(final_dims, stage);
    for (std::size_t i = num_listed(); i > stage; --i) {
      dims.norm_eps *= eps_ratio(shape(final_dims, i - 1), shape(final_dims, i));
    }
    return dims;
  }

 protected:
  /// Declares the lists.
  template <class Plugin>
  static void describe_stages(Description<Plugin>& about) {
    const std::string of_stages = " of each stage before the final one; absent: as in [model] from the start";
    about.param("num_layers", &StagewiseGrowth::num_layers_, "layers" + of_stages).min(1).tunable();
    about.param("d_model", &StagewiseGrowth::d_model_, "width" + of_stages).min(1).tunable();
    about.param("num_heads", &StagewiseGrowth::num_heads_, "query heads" + of_stages).min(1).tunable();
    about.param("num_kv_heads", &StagewiseGrowth::num_kv_heads_, "key/value heads" + of_stages).min(1).tunable();
    about.param("d_ff", &StagewiseGrowth::d_ff_, "hidden units of the MLP" + of_stages).min(1).tunable();
  }
  /// Declares a list for head_dim too; without it the heads have their final size from the start.
  template <class Plugin>
  static void describe_head_dim(Description<Plugin>& about) {
    about
        .param("head_dim", &StagewiseGrowth::head_dim_,
               "size of a head of each stage before the final one; absent: as in [model]; learned positions only")
        .min(1);
  }

  /// For plan(): throws Error where a dimension shrinks or the method's own limits are passed.
  void check_plan(const Dims& from, const Dims& to) const {
    for (const Dimension& dimension : dimensions()) {
      const std::int64_t before = from.*dimension.size, after = to.*dimension.size;
      if (before > after) throw invalid(dimension.name, " cannot shrink from ", before, " to ", after);
    }
    check_step(from, to);
  }
  /// The method's own limits on one growth step; throws Error with the reason.
  virtual void check_step(const Dims&, const Dims&) const {}
  /// norm_eps before the step / norm_eps after it; other than 1 where a method changes the scale of the norms' input.
  virtual double eps_ratio(const Dims&, const Dims&) const { return 1; }

 private:
  using List = std::vector<std::int64_t>;
  struct Dimension {
    const char* name;
    List StagewiseGrowth::*list;
    std::int64_t Dims::*size;
  };

  static const std::vector<Dimension>& dimensions() {
    static const std::vector<Dimension> all = {{"num_layers", &StagewiseGrowth::num_layers_, &Dims::num_layers},
                                               {"d_model", &StagewiseGrowth::d_model_, &Dims::d_model},
                                               {"num_heads", &StagewiseGrowth::num_heads_, &Dims::num_heads},
                                               {"num_kv_heads", &StagewiseGrowth::num_kv_heads_, &Dims::num_kv_heads},
                                               {"head_dim", &StagewiseGrowth::head_dim_, &Dims::head_dim},
                                               {"d_ff", &StagewiseGrowth::d_ff_, &Dims::d_ff}};
    return all;
  }

  /// Stages before the final one.
  std::size_t num_listed() const {
    const Dimension* first = nullptr;
    for (const Dimension& dimension : dimensions()) {
      const List& list = this->*dimension.list;
      if (list.empty()) continue;
      if (first == nullptr) first = &dimension;
      if (list.size() != (this->*first->list).size()) {
        throw invalid(first->name, " lists ", (this->*first->list).size(), " stages, ", dimension.name, " lists ",
                      list.size(), ": every list has one entry for each stage before the final one");
      }
    }
    if (first == nullptr) {
      throw invalid(
          "no stage is listed: give num_layers, d_model, num_heads, num_kv_heads or d_ff of the smaller models");
    }
    return (this->*first->list).size();
  }

  /// Stage `stage`, with the final norm_eps.
  Dims shape(const Dims& final_dims, std::size_t stage) const {
    Dims dims = final_dims;
    for (const Dimension& dimension : dimensions()) {
      const List& list = this->*dimension.list;
      if (stage < list.size()) dims.*dimension.size = list[stage];
    }
    return dims;
  }

  static void check_shape(const Dims& dims, std::size_t stage) {
    if (dims.num_heads % dims.num_kv_heads != 0) {
      throw invalid("stage ", stage + 1, ": num_heads ", dims.num_heads, " is not a multiple of num_kv_heads ",
                    dims.num_kv_heads);
    }
  }

  void check_growing(const Dims& from, const Dims& to, std::size_t stage) const {
    bool grows = false;
    for (const Dimension& dimension : dimensions()) {
      const std::int64_t before = from.*dimension.size, after = to.*dimension.size;
      const bool into_final = stage + 1 == num_listed();
      if (before > after && into_final) {
        throw invalid(dimension.name, " ", before, " of stage ", stage + 1, " is past the ", after, " of [model]");
      }
      if (before > after) {
        throw invalid(dimension.name, " shrinks from ", before, " in stage ", stage + 1, " to ", after, " in stage ",
                      stage + 2);
      }
      grows = grows || before < after;
    }
    if (!grows) throw invalid("nothing grows between stage ", stage + 1, " and stage ", stage + 2);
  }

  List num_layers_, d_model_, num_heads_, num_kv_heads_, head_dim_, d_ff_;
};

}  // namespace espalier::sdk
