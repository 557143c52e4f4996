#include <fmt/format.h>

#include <memory>

#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"
#include "core/base/text.h"
#include "core/checkpoint/inspect/difference.h"
#include "core/checkpoint/inspect/replay.h"
#include "core/checkpoint/inspect/summary.h"
#include "core/checkpoint/inspect/verification.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "core/plugin/foreign_text.h"
#include "core/run/config.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr int kDamaged = static_cast<int>(ErrorCode::checkpoint);

// A stranger's checkpoint may hold what a terminal obeys.
std::string shown(const std::string& text) {
  std::string out;
  for (const std::string& line : split(text, '\n')) out += (out.empty() ? "" : "\n") + plugin::without_controls(line);
  return out;
}

// The checkpoint that a path names: itself, or the newest one of a run.
fs::path checkpoint_of(const std::string& path) {
  const auto found = open_model(path, [](const fs::path& dir) {
    if (!fs::exists(dir / "espalier" / "manifest.json"))
      throw Error(ErrorCode::checkpoint, "is a model folder, but no checkpoint of Espalier", dir.string(),
                  "give the folder of a run, or runs/NAME/checkpoints/step-00000100");
  });
  if (!found)
    throw Error(ErrorCode::checkpoint, "holds no checkpoint", path,
                "give the folder of a run, or runs/NAME/checkpoints/step-00000100");
  return *found;
}

// All checkpoints of a run, or the one that the path is.
std::vector<fs::path> checkpoints_of(const std::string& path) {
  std::vector<fs::path> dirs = checkpoint_dirs(fs::path(path) / "checkpoints");
  if (dirs.empty()) dirs = checkpoint_dirs(path);
  if (dirs.empty()) dirs.push_back(checkpoint_of(path));
  return dirs;
}

int verify(const std::string& path) {
  int code = 0;
  for (const fs::path& dir : checkpoints_of(path)) {
    try {
      verify_closely(dir);
      output() << fmt::format("{}: whole\n", dir.string());
    } catch (const Error& error) {
      code = kDamaged;
      output() << shown(fmt::format("{}: damaged: {}{}\n", dir.string(), error.message(),
                                    error.place().empty() ? "" : " (" + error.place() + ")"));
    }
  }
  return code;
}

int replay(const std::string& path, const std::string& before_path, bool as_json) {
  const fs::path dir = checkpoint_of(path);
  const Snapshot after = load_checkpoint(dir), before = load_checkpoint(checkpoint_of(before_path));
  const RunConfig config =
      parse_run_config(after.config_toml, (dir / "espalier" / "config.resolved.toml").string(), {});
  const json result = replay_growth(before, after, static_cast<uint64_t>(config.job.seed));
  output() << (as_json ? dump_json(result, 2) + "\n" : shown(replay_text(result)));
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
    output() << (args->json ? dump_json(summary, 2) + "\n" : shown(summary_text(summary)));
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
    output() << (args->json ? dump_json(difference, 2) + "\n" : shown(difference_text(difference)));
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
           "Instead: do the growth of the checkpoint again, without its plugin, on this checkpoint of the step before");
  verb.add_flag("--json", args->json, "With --replay: print JSON");
  verb.on_chosen(
      [=] { return args->before.empty() ? verify(args->dir) : replay(args->dir, args->before, args->json); });
}

}  // namespace

void add_checkpoint_verb(Command program) {
  Command checkpoint = program.add_verb("checkpoint", "Look into checkpoints");
  add_inspect(checkpoint);
  add_diff(checkpoint);
  add_verify(checkpoint);
}

}  // namespace espalier
