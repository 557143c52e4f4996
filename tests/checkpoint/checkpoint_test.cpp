#include <ATen/ATen.h>
#include <unistd.h>

#include <fstream>

#include "catch.h"
#include "core/base/json.h"
#include "core/checkpoint/model_files/hf_param_names.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/model/init.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

Snapshot snapshot_of(const ModelSpec& spec, int64_t step) {
  Snapshot snapshot;
  TrainState& s = snapshot.state;
  s.spec = spec;
  s.params = init_params(spec, static_cast<uint64_t>(step), 0.1, spec.num_layers);
  for (const auto& param : s.params)
    if (param.info.layer != 1)
      s.optim[param.info.name] = {at::randn_like(param.value), at::rand_like(param.value), step + param.info.layer};
  s.step = step;
  s.tokens = step * 128;
  s.flops = 1.25e18 + static_cast<double>(step) / 3;
  s.stage = 1;
  s.stage_start = 7;
  s.stage_starts = {0, 7};
  s.trained = TrainedSteps{step, {{0, {4, 32, 128}, 256}}};
  s.lr_previous = 3.0000000000000004e-4;
  GrowthEvent event{7,
                    7 * 128,
                    1,
                    tiny_llama(1),
                    spec,
                    "plan",
                    std::string(64, 'a'),
                    12.5,
                    {"growth", "org.example.stack", "1.2.3", std::string(64, 'b'), R"({"block_size":3})"},
                    {2.5, 2.75, 0.125, 10, 20}};
  s.lineage.push_back(event);
  snapshot.data_state = R"({"counts":[3,4]})";
  snapshot.plugin_state["schedule.lr"] = std::string("\0\1\2bytes", 8);
  snapshot.left_out = {"schedule.growth"};
  snapshot.quality = std::string("\0counts", 7);
  snapshot.plugins.push_back({"growth", "org.example.stack", "1.2.3", std::string(64, 'b'), R"({"block_size":3})"});
  snapshot.config_toml = "[job]\nname = \"x\"\n";
  return snapshot;
}

void same(const Snapshot& a, const Snapshot& b) {
  CHECK(a.state.spec == b.state.spec);
  for (const auto& param : a.state.params) CHECK(param.value.equal(b.state.params.at(param.info.name)));
  REQUIRE(a.state.optim.size() == b.state.optim.size());
  for (const auto& [name, moments] : a.state.optim) {
    CHECK(moments.exp_avg.equal(b.state.optim.at(name).exp_avg));
    CHECK(moments.exp_avg_sq.equal(b.state.optim.at(name).exp_avg_sq));
    CHECK(moments.step == b.state.optim.at(name).step);
  }
  CHECK(a.state.step == b.state.step);
  CHECK(a.state.tokens == b.state.tokens);
  CHECK(a.state.flops == b.state.flops);
  CHECK(a.state.stage == b.state.stage);
  CHECK(a.state.stage_start == b.state.stage_start);
  CHECK(a.state.stage_starts == b.state.stage_starts);
  CHECK(a.state.trained.steps == b.state.trained.steps);
  CHECK((a.state.trained.spans == b.state.trained.spans));
  CHECK(a.left_out == b.left_out);
  CHECK(a.quality == b.quality);
  CHECK(a.state.lr_previous == b.state.lr_previous);
  REQUIRE(a.state.lineage.size() == b.state.lineage.size());
  CHECK(a.state.lineage[0].plan_bytes == b.state.lineage[0].plan_bytes);
  CHECK(a.state.lineage[0].plan_hash == b.state.lineage[0].plan_hash);
  CHECK(a.state.lineage[0].from == b.state.lineage[0].from);
  CHECK(a.state.lineage[0].audit.loss_after == b.state.lineage[0].audit.loss_after);
  CHECK(nlohmann::json::parse(a.data_state) == nlohmann::json::parse(b.data_state));
  CHECK(a.plugin_state == b.plugin_state);
  CHECK(a.plugins[0].id == b.plugins[0].id);
  CHECK(a.config_toml == b.config_toml);
}

}  // namespace

TEST_CASE("a checkpoint gives back exactly what was saved, in every layout", "[checkpoint]") {
  ModelSpec untied = tiny_llama(2), own = tiny_llama(2), gpt2 = tiny_gpt2(2);
  untied.tie_embeddings = false;
  own.activation = Activation::relu2;
  own.position = Position::learned;
  CHECK(hf_layout(own) == "espalier");
  CHECK(hf_layout(gpt2) == "gpt2");
  CHECK(hf_layout(untied) == "llama");
  gpt2.tie_embeddings = false;
  for (const ModelSpec& spec : {tiny_llama(2), untied, own, tiny_gpt2(2), gpt2}) {
    const TempDir dir;
    const Snapshot snapshot = snapshot_of(spec, 12);
    const fs::path saved = save_checkpoint(dir.path(), snapshot, 0, nullptr, 3);
    CHECK(saved.filename() == "step-00000012");
    CHECK(read_file(dir.path() / "LATEST", ErrorCode::checkpoint) == "step-00000012\n");
    same(snapshot, load_checkpoint(saved));
    CHECK(load_model(saved).spec == spec);
  }
}

TEST_CASE("the same state gives the same bytes", "[checkpoint]") {
  const TempDir a, b;
  const Snapshot snapshot = snapshot_of(tiny_llama(2), 5);
  const fs::path x = save_checkpoint(a.path(), snapshot, 0, nullptr, 3),
                 y = save_checkpoint(b.path(), snapshot, 0, nullptr, 3);
  for (const char* file : {"model.safetensors", "config.json", "espalier/optimizer.safetensors", "espalier/state.json",
                           "espalier/manifest.json"})
    CHECK(sha256_file(x / file, ErrorCode::checkpoint) == sha256_file(y / file, ErrorCode::checkpoint));
}

TEST_CASE("a step that is saved again replaces the old save", "[checkpoint]") {
  const TempDir dir;
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 10), 0, nullptr, 3);
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(3), 10), 0, nullptr, 3);
  CHECK(load_checkpoint(dir.path() / "step-00000010").state.spec.num_layers == 3);
  CHECK_FALSE(fs::exists(dir.path() / "step-00000010.tmp"));
}

TEST_CASE("steps are ordered as numbers", "[checkpoint]") {
  const TempDir dir;
  for (const int64_t step : {99999999, 100000000})
    save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), step), 0, nullptr, 0);
  std::vector<std::string> skipped;
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 100000000);
}

TEST_CASE("only the newest checkpoints are kept", "[checkpoint]") {
  const TempDir dir;
  for (const int64_t step : {10, 20, 30, 40})
    save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), step), 0, nullptr, 2);
  CHECK_FALSE(fs::exists(dir.path() / "step-00000020"));
  CHECK(fs::exists(dir.path() / "step-00000030"));
  std::vector<std::string> skipped;
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 40);
  CHECK(skipped.empty());
}

TEST_CASE("a damaged newest checkpoint is named, skipped, and the one before it used", "[checkpoint]") {
  const auto damage = GENERATE(as<std::string>{}, "flip", "truncate", "remove", "manifest", "no files", "empty");
  const TempDir dir;
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 10), 0, nullptr, 3);
  const fs::path newest = save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 20), 0, nullptr, 3);
  const fs::path file = newest / "model.safetensors";
  if (damage == "flip") {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(-3, std::ios::end);
    stream.put('\x7F');
  }
  if (damage == "truncate") fs::resize_file(newest / "espalier/optimizer.safetensors", 100);
  if (damage == "remove") fs::remove(newest / "espalier/state.json");
  if (damage == "manifest") std::ofstream(newest / "espalier/manifest.json") << "{";
  if (damage == "no files")
    std::ofstream(newest / "espalier/manifest.json") << R"({"format":"espalier-checkpoint","format_version":1})";
  if (damage == "empty") {
    fs::remove_all(newest);
    fs::create_directory(newest);
  }
  std::vector<std::string> skipped;
  const auto found = load_latest(dir.path(), skipped);
  REQUIRE(found);
  CHECK(found->snapshot.state.step == 10);
  REQUIRE(skipped.size() == 1);
  CHECK_THAT(skipped[0], Catch::StartsWith("step-00000020"));
  fs::remove_all(dir.path() / "step-00000010");
  skipped.clear();
  CHECK_THROWS_WITH(load_latest(dir.path(), skipped), Catch::Contains("none of the 1 checkpoints is valid"));
}

TEST_CASE("an unfinished save is never mistaken for a checkpoint", "[checkpoint]") {
  const TempDir dir;
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 10), 0, nullptr, 3);
  fs::copy(dir.path() / "step-00000010", dir.path() / "step-00000020.tmp", fs::copy_options::recursive);
  std::vector<std::string> skipped;
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 10);
  CHECK(skipped.empty());
  // The next save of that step replaces the left-over.
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 20), 0, nullptr, 3);
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 20);
}

TEST_CASE("a save that fails leaves the older checkpoints and LATEST alone", "[checkpoint]") {
  const TempDir dir;
  save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 10), 0, nullptr, 1);
  const auto failing = [](const fs::path&) { throw Error(ErrorCode::checkpoint, "disk full"); };
  CHECK_THROWS_AS(save_checkpoint(dir.path(), snapshot_of(tiny_llama(2), 20), 0, failing, 1), Error);
  CHECK(read_file(dir.path() / "LATEST", ErrorCode::checkpoint) == "step-00000010\n");
  CHECK_FALSE(fs::exists(dir.path() / "step-00000020.tmp"));
  std::vector<std::string> skipped;
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 10);
}

TEST_CASE("a folder without a model, and one of another kind, are named with a hint", "[checkpoint]") {
  const TempDir dir;
  CHECK_THROWS_WITH(load_model(dir.path()), Catch::Contains("no config.json") && Catch::Contains("hint"));
  std::ofstream(dir.path() / "config.json") << R"({"model_type":"mamba"})";
  CHECK_THROWS_WITH(load_model(dir.path()), Catch::Contains("'mamba'"));
}
