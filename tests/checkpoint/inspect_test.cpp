// What `espalier checkpoint` tells, on checkpoints made by hand: a growth of one layer to two whose result is known.
#include <ATen/ATen.h>

#include <functional>

#include "catch.h"
#include "core/base/json.h"
#include "core/checkpoint/inspect/difference.h"
#include "core/checkpoint/inspect/replay.h"
#include "core/checkpoint/inspect/stored_plan.h"
#include "core/checkpoint/inspect/summary.h"
#include "core/checkpoint/inspect/verification.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/growth/execute.h"
#include "core/model/init.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;
using nlohmann::json;

namespace {

constexpr auto kCode = ErrorCode::checkpoint;
const std::string kQ = "layers.1.attn.q.weight";

// Twice the model is doubled upwards; the query of layer 1 is `leaf` times that of layer 0, and 1 without a leaf.
growth::Plan doubling(const ModelSpec& from, const ModelSpec& to, bool learned) {
  growth::PlanBuilder plan(from, to);
  for (const auto& info : param_infos(to)) {
    const std::string old = info.layer < 1 ? info.name : "layers.0" + info.name.substr(info.name.find('.', 7));
    growth::NodeId value = plan.src(old, 0);
    if (learned && info.name == kQ) value = plan.mul(value, plan.learned("leaf", plan.full({1}, 1)));
    plan.assign(info.name, value, static_cast<uint32_t>(learned ? growth::Moments::zero : growth::Moments::map));
  }
  if (learned) plan.learn({3, 0, growth::Learning::Shape::constant, 0.1});
  return plan.finish("test");
}

Snapshot before_growth(int64_t step) {
  Snapshot out;
  TrainState& s = out.state;
  s.spec = tiny_llama(1);
  s.params = init_params(s.spec, 5, 0.1, 1);
  for (const auto& param : s.params) s.optim[param.info.name] = {param.value * 0.5, param.value.square(), step};
  s.step = step;
  s.tokens = step * 128;
  s.trained = TrainedSteps{step, {{0, {4, 32, 128}, 256}}};
  out.data_state = "{}";
  out.config_toml = "[job]\nseed = 3\n";
  return out;
}

// The larger model as the plan says, written without growth::execute.
Snapshot after_growth(const Snapshot& old, bool learned) {
  Snapshot out = old;
  TrainState& s = out.state;
  s.spec = tiny_llama(2);
  const auto source = [](const ParamInfo& info) {
    return info.layer < 1 ? info.name : "layers.0" + info.name.substr(info.name.find('.', 7));
  };
  s.params = ParamTable(s.spec, [&](const ParamInfo& info) {
    const at::Tensor value = old.state.params.at(source(info)).clone();
    return learned && info.name == kQ ? value * 1.5 : value;
  });
  s.optim.clear();
  if (!learned)
    for (const auto& info : param_infos(s.spec)) s.optim[info.name] = old.state.optim.at(source(info));
  const growth::Plan plan = doubling(old.state.spec, s.spec, learned);
  GrowthEvent event{old.state.step,
                    old.state.tokens,
                    1,
                    old.state.spec,
                    s.spec,
                    growth::canonical_bytes(plan),
                    growth::plan_hash(plan),
                    0,
                    {"growth", "org.example.stack", "1.2.3", std::string(64, 'b'), "{}"},
                    {}};
  if (learned) {
    event.operator_steps = 3;
    event.step = s.step = old.state.step + 3;
    event.leaves["leaf"] = at::full({1}, 1.5F);
    s.trained.steps = s.step;
  }
  s.lineage.push_back(std::move(event));
  s.stage = 1;
  s.stage_start = old.state.step;
  s.stage_starts = {0, old.state.step};
  return out;
}

// A checkpoint in a folder of its own.
class Saved {
 public:
  explicit Saved(const Snapshot& snapshot) : dir(save_checkpoint(folder_.path(), snapshot, 0, nullptr, 0)) {}
  Found found() const { return {dir, load_checkpoint(dir)}; }
  std::string damages() const {
    std::string out;
    for (const Error& damage : damages_of(dir)) out += damage.message() + " (" + damage.place() + ")\n";
    return out;
  }
  fs::path plan(const char* ending) const {
    return dir / "espalier" / "plans" / (found().snapshot.state.lineage.back().plan_hash + ending);
  }
  // Changes a file of JSON; the manifest's hashes are made to fit, as somebody would who wants to deceive.
  void change(const char* file, const std::function<void(json&)>& edit) const {
    json value = json::parse(read_file(dir / file, kCode));
    edit(value);
    write_file(dir / file, value.dump(), kCode);
    mend();
  }
  void mend() const {
    const fs::path path = dir / "espalier" / "manifest.json";
    json manifest = json::parse(read_file(path, kCode));
    manifest["files"] = file_hashes(dir);
    write_file(path, manifest.dump(), kCode);
  }

 private:
  TempDir folder_;

 public:
  const fs::path dir;
};

}  // namespace

TEST_CASE("a growth is done again from its stored plan, weights and moments", "[checkpoint][replay]") {
  const Snapshot old = before_growth(7);
  const Saved before(old), after(after_growth(old, false));
  const json replay = replay_growth(before.found(), after.found(), 3);
  CHECK(is_exact(replay));
  CHECK(replay["parameters"]["equal"] == 20);   // embed, final norm, 2 x 9
  CHECK(replay["moments"]["equal"] == 3 * 20);  // both moments and the count of each
  CHECK_THAT(replay_text(replay), Contains("bit for bit"));
  Snapshot other = after_growth(old, false);
  other.state.params.at("layers.1.norm1.weight").view({-1})[3] += 0.25F;
  const Saved changed(other);
  const json not_equal = replay_growth(before.found(), changed.found(), 3);
  CHECK_FALSE(is_exact(not_equal));
  const json& difference = not_equal["parameters"]["different"]["layers.1.norm1.weight"];
  CHECK(difference["max"].get<double>() == Approx(0.25));
  CHECK(difference["equal_values"] == 31);
  CHECK(difference["values"] == 32);
  CHECK(not_equal["parameters"]["equal"] == 19);
}

TEST_CASE("a learned growth is done again with its leaves, from the steps of its phase too", "[checkpoint][replay]") {
  const Snapshot old = before_growth(7);
  const Saved before(old), after(after_growth(old, true));
  CHECK(is_exact(replay_growth(before.found(), after.found(), 3)));
  Snapshot learning = old;
  learning.state.step = 9;
  learning.state.trained.steps = 9;
  OperatorPhase phase;
  phase.plan_hash = after.found().snapshot.state.lineage[0].plan_hash;
  phase.stage = 1;
  phase.start = 7;
  phase.done = 2;
  phase.leaves["leaf"] = at::full({1}, 1.25F);
  phase.optim["leaf"] = {at::zeros({1}), at::zeros({1}), 2};
  learning.state.operators = phase;
  CHECK(is_exact(replay_growth(Saved(learning).found(), after.found(), 3)));
  learning.state.operators->plan_hash = std::string(64, 'c');
  CHECK_THROWS_WITH(replay_growth(Saved(learning).found(), after.found(), 3), Contains("began at step 7"));
}

TEST_CASE("two growths at one step are done again one after the other", "[checkpoint][replay]") {
  const Snapshot old = before_growth(7);
  Snapshot twice = after_growth(old, false);
  TrainState& s = twice.state;
  const ModelSpec two = s.spec, four = tiny_llama(4);
  growth::PlanBuilder plan(two, four);
  const auto source = [](const ParamInfo& info) {
    return info.layer < 2 ? info.name
                          : "layers." + std::to_string(info.layer - 2) + info.name.substr(info.name.find('.', 7));
  };
  for (const auto& info : param_infos(four))
    plan.assign(info.name, plan.src(source(info), 0), static_cast<uint32_t>(growth::Moments::map));
  const growth::Plan second = plan.finish("test");
  const ParamTable params = s.params;
  const OptimState optim = s.optim;
  s.params = ParamTable(four, [&](const ParamInfo& info) { return params.at(source(info)).clone(); });
  s.optim.clear();
  for (const auto& info : param_infos(four)) s.optim[info.name] = optim.at(source(info));
  GrowthEvent event = s.lineage[0];
  event.from = two;
  event.to = s.spec = four;
  event.stage = s.stage = 2;
  event.plan_bytes = growth::canonical_bytes(second);
  event.plan_hash = growth::plan_hash(second);
  s.lineage.push_back(event);
  s.stage_starts = {0, 7, 7};
  const Saved before(old), after(twice);
  const json replay = replay_growth(before.found(), after.found(), 3);
  CHECK(is_exact(replay));
  CHECK(replay["plans"].size() == 2);
  CHECK(after.damages().empty());
}

TEST_CASE("noise in a plan is drawn again by the run's seed and the growth's number", "[checkpoint][replay]") {
  // Two growths at one step; the second draws other noise than the first, as the trainer numbers them 0 and 1.
  constexpr uint64_t kSeed = 3;
  const Snapshot old = before_growth(7);
  Snapshot after = after_growth(old, false);
  TrainState& s = after.state;
  s.params = old.state.params;
  s.optim = old.state.optim;
  ModelSpec from = old.state.spec;
  const GrowthEvent like = s.lineage[0];
  s.lineage.clear();
  for (int64_t number = 0; number < 2; ++number) {
    const ModelSpec to = tiny_llama(from.num_layers + 1);
    growth::PlanBuilder plan(from, to);
    for (const auto& info : param_infos(to))
      plan.assign(info.name,
                  info.layer == from.num_layers ? plan.normal(info.shape, 0.02, "new") : plan.src(info.name, 0),
                  static_cast<uint32_t>(growth::Moments::map));
    const growth::Plan made = plan.finish("test");
    growth::Grown grown = growth::execute(made, to, s.params, s.optim, kSeed, number, "test");
    s.params = std::move(grown.params);
    s.optim = std::move(grown.state);
    GrowthEvent event = like;
    event.from = from;
    event.to = s.spec = from = to;
    event.plan_bytes = growth::canonical_bytes(made);
    event.plan_hash = growth::plan_hash(made);
    s.lineage.push_back(event);
  }
  s.stage = 2;
  s.stage_starts = {0, 7, 7};
  const Saved before(old), saved(after);
  CHECK(is_exact(replay_growth(before.found(), saved.found(), kSeed)));
  const json other = replay_growth(before.found(), saved.found(), kSeed + 1);
  CHECK(other["parameters"]["different"].size() == 18);  // all of the two new layers
}

TEST_CASE("what does not fit a replay is refused by name", "[checkpoint][replay]") {
  const Snapshot old = before_growth(7), late = before_growth(6);
  const Saved before(old), early(late), after(after_growth(old, false));
  Snapshot trained = after_growth(old, false);
  trained.state.step = trained.state.trained.steps = 8;
  const auto replay = [](const Saved& a, const Saved& b) { return replay_growth(a.found(), b.found(), 3); };
  CHECK_THROWS_WITH(replay(before, Saved(trained)), Contains("was trained on from step 7 to 8"));
  CHECK_THROWS_WITH(replay(early, after), Contains("began at step 7, and --replay is of step 6"));
  CHECK_THROWS_WITH(replay(after, after), Contains("as many growths already"));
  CHECK_THROWS_WITH(replay(before, before), Contains("holds none"));
  Snapshot other = old;
  other.state.spec.d_ff = 40;
  other.state.params = init_params(other.state.spec, 5, 0.1, 1);
  other.state.optim.clear();
  CHECK_THROWS_WITH(replay(Saved(other), after), Contains("another model"));
  // A plan that is not what the lineage says is not executed.
  std::string bytes = read_file(after.plan(".bin"), kCode);
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  write_file(after.plan(".bin"), bytes, kCode);
  after.mend();
  CHECK_THROWS_WITH(replay(before, after), Contains("does not match its hash"));
}

TEST_CASE("a difference names all that differs, and is equal only where nothing does", "[checkpoint][diff]") {
  const Snapshot one = before_growth(7);
  const Saved a(one);
  CHECK(checkpoint_difference(a.found(), Saved(one).found())["equal"] == true);
  const auto differs = [&](const std::function<void(Snapshot&)>& change) {
    Snapshot other = before_growth(7);
    change(other);
    const json difference = checkpoint_difference(a.found(), Saved(other).found());
    CHECK(difference["equal"] == false);
    return difference;
  };
  const json moved = differs([](Snapshot& s) { s.state.optim.at("embed.weight").exp_avg[0][0] += 1; });
  CHECK(moved["moments"]["different"]["exp_avg/embed.weight"]["max"].get<double>() == Approx(1));
  CHECK(moved["moments"]["different"].size() == 1);
  CHECK(moved["parameters"]["equal"] == 11);
  CHECK(differs([](Snapshot& s) { s.state.lr_previous = 0.5; })["state"] == json{"lr_previous: 0.0 -> 0.5"});
  CHECK(differs([](Snapshot& s) { s.data_state = R"({"position":3})"; })["state"] == json{"data"});
  CHECK(differs([](Snapshot& s) { s.plugin_state["schedule.lr"] = "x"; })["state"] == json{"state of schedule.lr"});
  CHECK(differs([](Snapshot& s) { s.quality = "x"; })["state"] == json{"figures of the stage's data"});
  CHECK(differs([](Snapshot& s) { s.config_toml = "[job]\nseed = 4\n"; })["config"] == json{"job.seed: 3 -> 4"});
  const auto fading = [](float scale) {
    Snapshot out = before_growth(7);
    StepShape gates = StepShape::everything(1);
    gates.in_evaluation = true;
    gates.scale[0] = scale;
    out.state.gates = gates;
    return out;
  };
  const json gates = checkpoint_difference(Saved(fading(0.5F)).found(), Saved(fading(0.25F)).found());
  CHECK(gates["state"] == json{"gates"});
  CHECK(gates["parameters"]["equal"] == 11);
  CHECK(checkpoint_difference(Saved(fading(0.5F)).found(), Saved(fading(0.5F)).found())["equal"] == true);
  const auto learning = [](float leaf) {
    Snapshot out = before_growth(7);
    OperatorPhase phase;
    phase.start = 7;
    phase.stage = 1;
    phase.plan_hash = std::string(64, 'c');
    phase.leaves["leaf"] = at::full({1}, leaf);
    out.state.operators = phase;
    return out;
  };
  const json operators = checkpoint_difference(Saved(learning(1)).found(), Saved(learning(2)).found());
  CHECK(operators["state"] == json{"the growth operator"});
  const json grown = differs([](Snapshot& s) { s = after_growth(s, false); });
  CHECK_THAT(grown["architecture"][0].get<std::string>(), Contains("num_layers 2 instead of 1"));
  CHECK(grown["parameters"]["only_second"].size() == 9);
  CHECK_THAT(grown["state"].dump(), Contains("growths so far"));
}

TEST_CASE("a relative difference is that of the L2 norms, and counts are of bits", "[checkpoint][diff]") {
  Snapshot one = before_growth(7), two = before_growth(7);
  // |a| = 5 (3, 4 and zeros), |b - a| = 2: 0.4. NaN equals itself bit for bit; -0 is not 0.
  for (Snapshot* s : {&one, &two}) s->state.params.at("final_norm.weight").zero_();
  one.state.params.at("final_norm.weight")[0] = 3;
  one.state.params.at("final_norm.weight")[1] = 4;
  two.state.params.at("final_norm.weight")[0] = 3;
  two.state.params.at("final_norm.weight")[1] = 6;
  two.state.params.at("final_norm.weight")[2] = -0.0F;
  const json d =
      checkpoint_difference(Saved(one).found(), Saved(two).found())["parameters"]["different"]["final_norm.weight"];
  CHECK(d["relative"].get<double>() == Approx(0.4));
  CHECK(d["max"].get<double>() == 2);
  CHECK(d["equal_values"] == 30);
}

TEST_CASE("verification names every damaged file", "[checkpoint][verify]") {
  const Saved whole(after_growth(before_growth(7), true));
  CHECK(whole.damages().empty());
  for (const char* file : {"model.safetensors", "espalier/optimizer.safetensors"})
    fs::resize_file(whole.dir / file, 30);
  fs::remove(whole.dir / "espalier" / "config.resolved.toml");
  const std::string damages = whole.damages();
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "config.resolved.toml"})
    CHECK_THAT(damages, Contains(file));
  CHECK(damages_of(whole.dir).size() == 3);
}

TEST_CASE("verification sees what has the right hashes and does not fit together", "[checkpoint][verify]") {
  const auto fault = [](const char* file, const std::function<void(json&)>& edit) {
    const Saved saved(after_growth(before_growth(7), true));
    saved.change(file, edit);
    return saved.damages();
  };
  const char* manifest = "espalier/manifest.json";
  CHECK_THAT(fault(manifest, [](json& m) { m["num_params"] = 1; }), Contains("says 1 parameters"));
  CHECK_THAT(fault("espalier/state.json", [](json& s) { s["step"] = 11; }),
             Contains("of step 10, and state.json of step 11"));
  CHECK_THAT(fault("config.json", [](json& c) { c["rms_norm_eps"] = 0.5; }), Contains("another architecture"));
  CHECK_THAT(fault(manifest, [](json& m) { m["lineage"][0]["step"] = 12; }), Contains("comes after step 10"));
  CHECK_THAT(fault(manifest, [](json& m) { m["lineage"][0]["to"]["rms_norm_eps"] = 0.5; }),
             Contains("does not lead to the model of the checkpoint"));
  CHECK_THAT(fault(manifest, [](json& m) { m["lineage"][0]["operator_steps"] = 2; }), Contains("learned in 2 steps"));

  const Saved leaf(after_growth(before_growth(7), true));
  write_safetensors(leaf.plan(".safetensors"), {{"leaf", at::zeros({2})}});
  leaf.mend();
  CHECK_THAT(leaf.damages(), Contains("other learned leaves"));
  write_safetensors(leaf.plan(".safetensors"), {{"leaf", at::zeros({1})}, {"more", at::zeros({1})}});
  leaf.mend();
  CHECK_THAT(leaf.damages(), Contains("fewer learned leaves"));

  const Saved moments(before_growth(7));
  moments.change("espalier/state.json", [](json& s) { s["optimizer_steps"].erase("embed.weight"); });
  CHECK_THAT(moments.damages(), Contains("'exp_avg/embed.weight' is no moment"));
  const Saved toml(before_growth(7));
  write_file(toml.dir / "espalier" / "config.resolved.toml", "[job\n", kCode);
  toml.mend();
  CHECK_THAT(toml.damages(), Contains("config.resolved.toml"));
}

TEST_CASE("a summary counts tensors by type and shows each growth", "[checkpoint][inspect]") {
  const Saved saved(after_growth(before_growth(7), true));
  const json s = checkpoint_summary(saved.found(), true);
  CHECK(s["num_params"] == num_params(tiny_llama(2)));
  CHECK(s["tensors"]["model.safetensors"]["F32"]["tensors"] == 20);
  CHECK(s["tensors"]["model.safetensors"]["F32"]["values"] == num_params(tiny_llama(2)));
  CHECK(s["types"]["F32"]["values"] == num_params(tiny_llama(2)) + 1);  // one value of the leaf, no moments
  CHECK(s["lineage"][0]["num_params"] == json{num_params(tiny_llama(1)), num_params(tiny_llama(2))});
  CHECK_THAT(s["lineage"][0]["plan"].dump(),
             Contains(kQ + " = mul(layers.0.attn.q.weight, learned(leaf, from full([1], 1)))"));
  const std::string text = summary_text(s);
  CHECK_THAT(text, Contains("num_hidden_layers: 1 -> 2") && Contains("org.example.stack 1.2.3, sha256 bbbbbbbbbbbb"));
  CHECK_FALSE(checkpoint_summary(saved.found(), false)["lineage"][0].contains("plan"));
}

TEST_CASE("a stranger's words begin no line and command no terminal", "[checkpoint][inspect]") {
  Snapshot snapshot = before_growth(7);
  snapshot.plugins.push_back({"growth", "org.x.y\nfalse line", "1\x1b[31m", "0\r1", "{}"});
  snapshot.left_out = {"slot\nfalse line"};
  const Saved saved(snapshot);
  Snapshot other = before_growth(7);
  other.config_toml = "[job]\nseed = 3\nname = \"a\\u001b[31m\\nfalse line\"\n";
  for (const std::string& text : {summary_text(checkpoint_summary(saved.found(), false)),
                                  difference_text(checkpoint_difference(saved.found(), Saved(other).found()))}) {
    CHECK(text.find("\nfalse line") == std::string::npos);
    for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
  }
}
