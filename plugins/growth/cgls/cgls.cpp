// CGLS: depth in stages; after each growth only the new layers train (phase A), then everything (phase B).
#include <espalier/recipes/new_layers.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Cgls final : public sdk::Growth {
 public:
  static void describe(sdk::Description<Cgls>& about) {
    about.id("org.espalier.growth.cgls").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("adds layers stage by stage; the new ones train alone first, with all else frozen");
    about.url("https://arxiv.org/abs/2506.11389");
    about.citation("Singh, Band and Adeli, Curriculum-Guided Layer Scaling, 2025");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("layers", &Cgls::layers_, "depth of each stage before the final one, rising").min(1).unit("layers");
    about.param("initial_layers", &Cgls::initial_layers_, "instead of layers: depth of the first stage")
        .min(0)
        .unit("layers");
    about.param("layers_per_stage", &Cgls::layers_per_stage_, "with initial_layers: layers added at each growth")
        .min(0)
        .unit("layers");
    about.param("phase_a", &Cgls::phase_a_, "how long the new layers train alone after each growth; 0st: not at all")
        .required()
        .tunable();
    about.param("position", &Cgls::position_, "where the new layers go").choices(sdk::insert_positions());
    about.param("init", &Cgls::init_, "how they start; zero-output keeps the model's function")
        .choices({"random", "copy", "zero-output"});
    about.param("init_std", &Cgls::std_, "standard deviation of random matrices, as [model].init_std").above(0);
    about.param("optimizer", &Cgls::optimizer_, "moments of everything old at growth; new layers always start fresh")
        .choices({"keep", "reset"});
    about.param("freeze_embedding", &Cgls::freeze_embedding_, "in phase A");
    about.param("freeze_head", &Cgls::freeze_head_, "in phase A: final norm and head");
  }

  void check(sdk::Call&) override {
    if (layers_.empty() == (initial_layers_ == 0)) throw sdk::invalid("give either layers or initial_layers");
    if ((initial_layers_ == 0) != (layers_per_stage_ == 0)) {
      throw sdk::invalid("initial_layers and layers_per_stage belong together");
    }
    for (std::size_t i = 1; i < layers_.size(); ++i) {
      if (layers_[i] <= layers_[i - 1]) {
        throw sdk::invalid("layers must rise from stage to stage: ", layers_[i], " follows ", layers_[i - 1]);
      }
    }
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    const std::int64_t final_layers = final_dims.num_layers;
    const std::int64_t largest = layers_.empty() ? initial_layers_ : layers_.back();
    if (largest >= final_layers) {
      throw sdk::invalid("a stage of ", largest, " layers must be smaller than the final model's ", final_layers);
    }
    if (!layers_.empty()) return static_cast<std::uint32_t>(layers_.size()) + 1;
    if ((final_layers - initial_layers_) % layers_per_stage_ != 0) {
      throw sdk::invalid("num_layers ", final_layers, " cannot be reached from initial_layers ", initial_layers_,
                         " by adding ", layers_per_stage_);
    }
    return static_cast<std::uint32_t>((final_layers - initial_layers_) / layers_per_stage_) + 1;
  }

  sdk::Dims stage_dims(sdk::Call& call, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    if (stage + 1 < num_stages(call, final_dims)) dims.num_layers = layers_before_final(stage);
    return dims;
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    if (to.num_layers() < from.num_layers()) {
      throw sdk::invalid("cannot shrink from ", from.num_layers(), " to ", to.num_layers(), " layers");
    }
    check_tied(to);
    sdk::NewLayers policy;
    policy.init = init_;
    policy.std = std_;
    policy.moments_of_old = optimizer_ == "keep" ? sdk::Moments::kMap : sdk::Moments::kZero;
    sdk::assign_with_new_layers(plan, from, to, placed(from.num_layers(), to.num_layers()), policy);
  }

  std::uint32_t step_shape(sdk::Call&, const sdk::Progress& at, sdk::StepShape& shape) override {
    refuse_endless_phase_a(at);
    if (at.stage == 0 || at.stage_step >= static_cast<std::uint64_t>(phase_a_.steps)) return 0;
    const std::int64_t before = layers_before_final(at.stage - 1);
    if (before >= shape.num_layers()) {
      throw sdk::failed_precondition("stage ", at.stage, " has ", shape.num_layers(), " layers, no more than the ",
                                     before, " before it");
    }
    const std::vector<sdk::LayerSource> layers = placed(before, shape.num_layers());
    for (std::uint32_t i = 0; i < shape.num_layers(); ++i) {
      if (!layers[i].is_copy) shape.freeze(i);
    }
    if (freeze_embedding_) shape.freeze_embedding();
    if (freeze_head_) shape.freeze_final_norm(), shape.freeze_head();
    return 1;
  }

 private:
  /// REQUIRES: the stage is not the last one.
  std::int64_t layers_before_final(std::uint32_t stage) const {
    if (layers_.empty()) return initial_layers_ + layers_per_stage_ * stage;
    if (stage >= layers_.size()) throw sdk::invalid("layers describes no stage ", stage);
    return layers_[stage];
  }

  /// Where each layer comes from; the new ones have is_copy set.
  std::vector<sdk::LayerSource> placed(std::int64_t before, std::int64_t after) const {
    return sdk::insert_layers(before, after - before, position_);
  }

  /// One matrix is embedding and head: it rests or it trains.
  void check_tied(const sdk::Arch& model) const {
    if (!model.is(ESP_ARCH_TIED) || phase_a_.steps == 0 || freeze_embedding_ == freeze_head_) return;
    throw sdk::invalid(
        "freeze_embedding = ", sdk::toml_literal(freeze_embedding_),
        " and freeze_head = ", sdk::toml_literal(freeze_head_),
        " cannot both hold with tied embeddings, where one matrix is embedding and head: set both to the "
        "same, or [model].tie_embeddings = false");
  }

  /// A stage that ends before its phase A does would never train the whole model.
  void refuse_endless_phase_a(const sdk::Progress& at) const {
    const std::uint64_t available = at.stage > 0 ? at.stage_total_steps : at.total_steps;
    if (available > 0 && static_cast<std::uint64_t>(phase_a_.steps) >= available) {
      throw sdk::invalid("phase_a takes ", phase_a_.steps, " steps, ", at.stage > 0 ? "its stage" : "the run", " has ",
                         available);
    }
  }

  std::vector<std::int64_t> layers_;
  std::int64_t initial_layers_ = 0, layers_per_stage_ = 0;
  sdk::Duration phase_a_{"0st"};
  std::string position_ = "top";
  std::string init_ = "random";
  double std_ = 0.02;
  std::string optimizer_ = "keep";
  bool freeze_embedding_ = true, freeze_head_ = true;
};

ESPALIER_PLUGIN(Cgls);
