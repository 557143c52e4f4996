#include <memory>

#include "core/app/verbs.h"
#include "core/base/home.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/run/train.h"

namespace espalier {

void add_train_verbs(Command program, const std::vector<std::string>& argv) {
  struct Arguments {
    ConfigOptions options;
    std::string run_dir;
  };
  auto train_args = std::make_shared<Arguments>(), resume_args = std::make_shared<Arguments>();

  Command train = program.add_verb("train", "Train a model, or continue the run in its folder");
  train_args->options.add(train, /*with_config=*/true);
  train.add("--run-dir", train_args->run_dir, "Folder of the run (default runs/<job.name>)")
      .type_name("DIR")
      .transform(expand_home);
  train.on_chosen([=] {
    const auto& a = *train_args;
    run_training(load_run_config(a.options.config, a.options.sets), {a.run_dir, a.options.plugin_paths, argv});
    return 0;
  });

  Command resume = program.add_verb("resume", "Continue a run from its newest valid checkpoint");
  resume.add("run_dir", resume_args->run_dir, "Folder of the run").required();
  resume_args->options.add(resume, /*with_config=*/false);
  resume.on_chosen([=] {
    const auto& a = *resume_args;
    const fs::path config = fs::path(a.run_dir) / "config.resolved.toml";
    if (!fs::exists(config))
      throw Error(ErrorCode::config, "is not a run folder: it has no config.resolved.toml", a.run_dir,
                  "give the folder that `espalier train` made, runs/<job.name> by default");
    if (checkpoint_dirs(fs::path(a.run_dir) / "checkpoints").empty())
      throw Error(ErrorCode::checkpoint, "has no checkpoint to continue from", a.run_dir,
                  "start it again with `espalier train`");
    std::vector<std::string> sets = a.options.sets;
    sets.insert(sets.begin(), "checkpoint.resume=\"auto\"");
    run_training(load_run_config(config, sets), {a.run_dir, a.options.plugin_paths, argv});
    return 0;
  });
}

}  // namespace espalier
