#include "core/plugin/isolated_growth.h"

#include <fmt/format.h>

#include "core/plugin/decision_messages.h"
#include "core/plugin/step_shape_check.h"
#include "core/plugin/worker_process.h"

namespace espalier::plugin {
namespace {

// The worker has checked the plugin's answers; they are checked again here, as the plugin may write over all that is
// there.
class IsolatedGrowth : public growth::Strategy {
 public:
  IsolatedGrowth(std::shared_ptr<WorkerProcess> process, StrategyAnswer about)
      : process_(std::move(process)), about_(std::move(about)) {}

  int64_t num_stages(const ModelSpec& final_spec) override {
    MessageWriter out;
    out.value(final_spec);
    const auto stages =
        MessageReader(process_->call(Message::num_stages, out.bytes(), "num_stages()")).value<int64_t>();
    if (stages < 1) throw misbehaved(fmt::format("num_stages() answered {}", stages));
    return stages;
  }

  ModelSpec stage_spec(const ModelSpec& final_spec, int64_t stage) override {
    MessageWriter out;
    out.value(final_spec);
    out.value(stage);
    const ModelSpec spec = read_stage(process_->call(Message::stage_spec, out.bytes(), "stage_dims()"), final_spec);
    if (const SpecProblem problem = check_spec(spec); !problem.key.empty())
      throw misbehaved(fmt::format("stage_dims() for stage {}: {}", stage, problem.message));
    return spec;
  }

  growth::Plan plan(const ModelSpec& from, const ModelSpec& to) override {
    MessageWriter out;
    for (const ModelSpec* spec : {&from, &to}) out.value(*spec);
    return growth::plan_of_bytes(process_->call(Message::plan, out.bytes(), "plan()"), from, to, about_.identity.id);
  }

  bool shapes_steps() const override { return about_.shapes_steps; }
  void fill_step_shape(const Progress& progress, const ModelSpec& spec, StepShape& shape) override {
    if (!shapes_steps()) return;
    MessageWriter out;
    out.value(progress);
    out.value(spec);
    StepShape filled = read_shape(process_->call(Message::step_shape, out.bytes(), "step_shape.fill()"));
    if (const std::string problem = problem_of(filled, spec); !problem.empty())
      throw misbehaved(fmt::format("step_shape.fill() at step {}: {}", progress.step, problem));
    shape = std::move(filled);
  }

  bool claims_preserving() const override { return about_.claims_preserving; }
  double preserve_tol() const override { return about_.preserve_tol; }
  std::string save_state() override { return process_->call(Message::save_state, {}, "save()"); }
  void load_state(const std::string& bytes) override { process_->call(Message::load_state, bytes, "load()"); }

 private:
  Error misbehaved(const std::string& why) const { return {ErrorCode::plugin, why, about_.identity.id}; }

  const std::shared_ptr<WorkerProcess> process_;
  const StrategyAnswer about_;
};

}  // namespace

GrowthPlugin make_isolated_growth(Registry& registry, const PluginChoice& choice, const PluginSetup& setup) {
  const Listing& listing = registry.resolve(Kind::growth, choice.plugin, choice.place);
  const CreateRequest request = create_request(listing, choice, setup);
  // A stop of the run is no reason to end a call: what is asked then is the state to save.
  const auto process = WorkerProcess::start(registry.exe(), {listing.info.id, "plugins", *setup.isolate});
  StrategyAnswer answer = StrategyAnswer::read(process->call(Message::create, request.write(), "create()"));
  PluginIdentity identity = answer.identity;
  return {std::make_unique<IsolatedGrowth>(process, std::move(answer)), std::move(identity)};
}

}  // namespace espalier::plugin
