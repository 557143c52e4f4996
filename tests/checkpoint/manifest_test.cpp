#include <ATen/ATen.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "catch.h"
#include "core/base/json.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/checkpoint/snapshot/state_record.h"
#include "core/model/init.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;
using nlohmann::json;

namespace {

fs::path saved(const fs::path& dir) {
  Snapshot snapshot;
  snapshot.state.spec = tiny_llama(2);
  snapshot.state.params = init_params(snapshot.state.spec, 1, 0.1, 2);
  for (const auto& param : snapshot.state.params)
    snapshot.state.optim[param.info.name] = {at::zeros_like(param.value), at::zeros_like(param.value), 4};
  snapshot.data_state = "{}";
  snapshot.plugin_state["schedule.lr"] = "bytes";
  snapshot.config_toml = "[job]\nname = \"x\"\n";
  return save_checkpoint(dir, snapshot, 0, nullptr, 3);
}

json read_json(const fs::path& path) {
  return json::parse(read_file(path, ErrorCode::checkpoint));
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Changes one JSON file of a checkpoint, and its hash in the manifest.
void change(const fs::path& dir, const std::string& name, const std::function<void(json&)>& edit) {
  json value = read_json(dir / name);
  edit(value);
  write(dir / name, value.dump());
  const fs::path manifest = dir / "espalier/manifest.json";
  if (dir / name == manifest) return;
  json listed = read_json(manifest);
  listed["files"][name] = sha256_file(dir / name, ErrorCode::checkpoint);
  write(manifest, listed.dump());
}

}  // namespace

TEST_CASE("a manifest that does not list what is read is refused", "[manifest]") {
  const std::string good(64, 'a');
  const auto files = [](const json& value) {
    return json{{"format", "espalier-checkpoint"}, {"format_version", 1}, {"files", value}}.dump();
  };
  CHECK_NOTHROW(Manifest(files({{"config.json", good}}), "dir"));
  for (const json& bad :
       {json::object(), json::array(), json(), json(7), json{{"../config.json", good}}, json{{"/dev/zero", good}},
        json{{"a/../../b", good}}, json{{"config.json", 7}}, json{{"config.json", "abc"}}, json{{"", good}}}) {
    CAPTURE(bad.dump());
    CHECK_THROWS_AS(Manifest(files(bad), "dir"), Error);
    CHECK_THROWS_WITH(Manifest(files(bad), "dir"), Catch::StartsWith("dir/espalier/manifest.json: "));
  }
  for (const char* bad : {"", "[]", "{}", R"({"format":"x"})", R"({"format":7})",
                          R"({"format":"espalier-checkpoint","format_version":99,"files":{}})",
                          R"({"format":"espalier-checkpoint","format_version":"1","files":{}})",
                          R"({"format":"espalier-checkpoint","format":"espalier-checkpoint","files":{}})"})
    CHECK_THROWS_AS(Manifest(bad, "dir"), Error);
}

TEST_CASE("a checkpoint whose manifest or files were tampered with is an Error, whatever was done", "[manifest]") {
  const fs::path manifest = "espalier/manifest.json", state = "espalier/state.json";
  const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> cases{
      {"no files", [&](const fs::path& d) { change(d, manifest, [](json& m) { m["files"] = json::object(); }); }},
      {"weights unlisted",
       [&](const fs::path& d) { change(d, manifest, [](json& m) { m["files"].erase("model.safetensors"); }); }},
      {"state unlisted",
       [&](const fs::path& d) { change(d, manifest, [](json& m) { m["files"].erase("espalier/state.json"); }); }},
      {"plugin state unlisted",
       [&](const fs::path& d) {
         change(d, manifest, [](json& m) { m["files"].erase("espalier/plugins/schedule.lr.bin"); });
       }},
      {"plugin state added", [&](const fs::path& d) { write(d / "espalier/plugins/growth.bin", "x"); }},
      {"device",
       [&](const fs::path& d) {
         fs::remove(d / "espalier/state.json");
         fs::create_symlink("/dev/zero", d / "espalier/state.json");
       }},
      {"pipe",
       [&](const fs::path& d) {
         fs::remove(d / "espalier/state.json");
         ::mkfifo((d / "espalier/state.json").c_str(), 0600);
       }},
      {"plan elsewhere",
       [&](const fs::path& d) {
         change(d, manifest, [](json& m) {
           json event = json::object();
           for (const char* key :
                {"step", "tokens", "stage", "plan_flops", "loss_before", "loss_after", "max_logit_diff"})
             event[key] = 1;
           event["from"] = event["to"] = m["architecture"];
           event["plan_sha256"] = "../../../../../etc/passwd";
           event["plugin"] = {
               {"slot", "growth"}, {"id", "x"}, {"version", "1"}, {"sha256", ""}, {"params", json::object()}};
           m["lineage"] = {event};
         });
       }},
      {"lineage", [&](const fs::path& d) { change(d, manifest, [](json& m) { m["lineage"] = 7; }); }},
      {"event", [&](const fs::path& d) { change(d, manifest, [](json& m) { m["lineage"] = {7}; }); }},
      {"plugins", [&](const fs::path& d) { change(d, manifest, [](json& m) { m["plugins"] = {nullptr}; }); }},
      {"origin", [&](const fs::path& d) { change(d, manifest, [](json& m) { m["initial_weights"] = "x"; }); }},
      {"layers",
       [&](const fs::path& d) {
         change(d, manifest, [](json& m) { m["architecture"]["num_hidden_layers"] = int64_t{1} << 31; });
       }},
      {"heads",
       [&](const fs::path& d) { change(d, manifest, [](json& m) { m["architecture"]["num_attention_heads"] = 0; }); }},
      {"deep", [&](const fs::path& d) { write(d / "espalier/manifest.json", std::string(1 << 20, '[')); }},
      {"steps",
       [&](const fs::path& d) { change(d, state, [](json& s) { s["optimizer_steps"]["embed.weight"] = "x"; }); }},
      {"moments of nothing",
       [&](const fs::path& d) { change(d, state, [](json& s) { s["optimizer_steps"]["x"] = 1; }); }},
      {"step", [&](const fs::path& d) { change(d, state, [](json& s) { s["step"] = 1e300; }); }},
      {"negative", [&](const fs::path& d) { change(d, state, [](json& s) { s["tokens"] = -1; }); }},
      {"null", [&](const fs::path& d) { change(d, state, [](json& s) { s["stage"] = nullptr; }); }},
      {"data", [&](const fs::path& d) { change(d, state, [](json& s) { s["data"] = {1}; }); }}};
  for (const auto& [what, damage] : cases) {
    CAPTURE(what);
    const TempDir dir;
    const fs::path checkpoint = saved(dir.path());
    REQUIRE_NOTHROW(load_checkpoint(checkpoint));
    damage(checkpoint);
    CHECK_THROWS_AS(load_checkpoint(checkpoint), Error);
    std::vector<std::string> skipped;
    CHECK_THROWS_WITH(load_latest(dir.path(), skipped), Contains("none of the 1 checkpoints is valid"));
  }
}

TEST_CASE("moments of another shape than their parameter are refused", "[manifest]") {
  const TempDir dir;
  const fs::path checkpoint = saved(dir.path());
  const std::string name = "espalier/optimizer.safetensors";
  TensorMap moments = read_safetensors(checkpoint / name);
  moments["exp_avg/embed.weight"] = at::zeros({1});
  write_safetensors(checkpoint / name, moments);
  change(checkpoint, "espalier/manifest.json",
         [&](json& m) { m["files"][name] = sha256_file(checkpoint / name, ErrorCode::checkpoint); });
  CHECK_THROWS_WITH(load_checkpoint(checkpoint), Contains("the moments of 'embed.weight' are those of no parameter"));
}

TEST_CASE("counters of a run read back as they were written", "[manifest]") {
  StateRecord record;
  record.step = 12;
  record.tokens = 1 << 30;
  record.flops = 1.25e18;
  record.lr_previous = 3.0000000000000004e-4;
  record.operators = {2, 8, 3, std::string(64, 'b')};
  record.watch = {1.5, 0.25, 7, true, 9, 1000, 2.75};
  record.optimizer_steps = {{"embed.weight", 12}};
  record.data = R"({"stream":{"index":3},"tokenizer":"x"})";
  const StateRecord read = read_state(write_state(record), "state.json");
  CHECK(write_state(read) == write_state(record));
  CHECK(read.operators->plan_hash == record.operators->plan_hash);
  CHECK(read.watch.loss_before == 2.75);
  CHECK(read.watch.watching);
  CHECK_THROWS_WITH(read_state(R"({"step":null})", "state.json"), Contains("state.json: lacks 'step'"));
}
