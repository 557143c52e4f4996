#include <fmt/format.h>

#include <memory>

#include "core/app/verbs.h"
#include "core/base/control_characters.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"
#include "core/checkpoint/inspect/difference.h"
#include "core/checkpoint/inspect/replay.h"
#include "core/checkpoint/inspect/summary.h"
#include "core/checkpoint/inspect/verification.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "core/device/device.h"
#include "core/run/config.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr int kDamaged = static_cast<int>(ErrorCode::checkpoint);

// The checkpoint that a path names: itself, or the newest whole one of a run.
Found checkpoint_of(const std::string& path) {
  constexpr const char* kHint = "give the folder of a run, or runs/NAME/checkpoints/step-00000100";
  Found found;
  const auto dir = open_model(path, [&](const fs::path& folder) {
    if (!fs::exists(folder / "espalier" / "manifest.json"))
      throw Error(ErrorCode::checkpoint, "is a model folder, but no checkpoint of Espalier", folder.string(), kHint);
    found.snapshot = load_checkpoint(folder);
  });
  if (!dir) throw Error(ErrorCode::checkpoint, "holds no checkpoint", path, kHint);
  found.dir = *dir;
  return found;
}

// All checkpoints of a run, or the one that the path is.
std::vector<fs::path> checkpoints_of(const std::string& path) {
  std::vector<fs::path> dirs = checkpoint_dirs(fs::path(path) / "checkpoints");
  if (dirs.empty()) dirs = checkpoint_dirs(path);
  if (!dirs.empty()) return dirs;
  std::error_code ignored;
  if (!fs::exists(fs::path(path) / "espalier" / "manifest.json", ignored) && !step_of(path))
    throw Error(ErrorCode::checkpoint, "holds no checkpoint of Espalier", path,
                "give the folder of a run, or runs/NAME/checkpoints/step-00000100");
  return {path};
}

int verify(const std::string& path, bool as_json) {
  json all = json::array();
  bool whole = true;
  for (const fs::path& dir : checkpoints_of(path)) {
    json damages = json::array();
    for (const Error& damage : damages_of(dir)) {
      damages.push_back({{"what", damage.message()}, {"place", damage.place()}});
      if (!as_json)
        output() << fmt::format("{}: damaged: {} ({})\n", one_line(dir.string()), one_line(damage.message()),
                                one_line(damage.place()));
    }
    whole = whole && damages.empty();
    if (!as_json && damages.empty()) output() << fmt::format("{}: whole\n", one_line(dir.string()));
    all.push_back({{"checkpoint", dir.string()}, {"damages", damages}});
  }
  if (as_json) output() << dump_json({{"whole", whole}, {"checkpoints", all}}, 2) << "\n";
  return whole ? 0 : kDamaged;
}

int replay(const std::string& path, const std::string& before_path, bool as_json) {
  const Found after = checkpoint_of(path), before = checkpoint_of(before_path);
  const RunConfig config =
      parse_run_config(after.snapshot.config_toml, (after.dir / "espalier" / "config.resolved.toml").string(), {});
  open_device("cpu", config.training.threads);  // sums of floats may depend on it
  const json result = replay_growth(before, after, static_cast<uint64_t>(config.job.seed));
  output() << (as_json ? dump_json(result, 2) + "\n" : replay_text(result));
  return is_exact(result) ? 0 : kDamaged;
}

void add_inspect(Command checkpoint) {
  struct Arguments {
    std::string dir;
    bool json = false, plans = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = checkpoint.add_verb("inspect", "Tell what a checkpoint holds: architecture, growths, plugins, files");
  verb.add("dir", args->dir, "A checkpoint, or the folder of a run (its newest one)").required();
  verb.add_flag("--plans", args->plans, "Also print each growth plan as expressions");
  verb.add_flag("--json", args->json, "Print JSON");
  verb.on_chosen([=] {
    const json summary = checkpoint_summary(checkpoint_of(args->dir), args->plans);
    output() << (args->json ? dump_json(summary, 2) + "\n" : summary_text(summary));
    return 0;
  });
}

void add_diff(Command checkpoint) {
  struct Arguments {
    std::string first, second;
    bool json = false, exit_code = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = checkpoint.add_verb("diff", "Tell in what two checkpoints differ");
  verb.add("first", args->first, "A checkpoint, or the folder of a run (its newest one)").required();
  verb.add("second", args->second, "Another one").required();
  verb.add_flag("--json", args->json, "Print JSON");
  verb.add_flag("--exit-code", args->exit_code, "Exit with 1 when they differ");
  verb.on_chosen([=] {
    const json difference = checkpoint_difference(checkpoint_of(args->first), checkpoint_of(args->second));
    output() << (args->json ? dump_json(difference, 2) + "\n" : difference_text(difference));
    return args->exit_code && !difference["equal"].get<bool>() ? 1 : 0;
  });
}

void add_verify(Command checkpoint) {
  struct Arguments {
    std::string dir, before;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = checkpoint.add_verb("verify", "Check every file, tensor and plan of a checkpoint, or of all of a run");
  verb.add("dir", args->dir, "A checkpoint, or the folder of a run").required();
  verb.add("--replay", args->before,
           "Instead: do the growth of the checkpoint again, without its plugin, on this one from just before it");
  verb.add_flag("--json", args->json, "Print JSON");
  verb.on_chosen([=] {
    return args->before.empty() ? verify(args->dir, args->json) : replay(args->dir, args->before, args->json);
  });
}

}  // namespace

void add_checkpoint_verb(Command program) {
  Command checkpoint = program.add_verb("checkpoint", "Look into checkpoints");
  add_inspect(checkpoint);
  add_diff(checkpoint);
  add_verify(checkpoint);
}

}  // namespace espalier
