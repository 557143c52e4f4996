#include "core/run/stored_paths.h"

#include <functional>

#include "core/base/home.h"

namespace espalier {
namespace {

void change_paths(RunConfig& config, const std::function<std::string(const std::string&)>& change) {
  const auto one = [&](std::string& path) { path = change(path); };
  const auto all = [&](std::vector<std::string>& paths) {
    for (std::string& path : paths) one(path);
  };
  DataConfig& data = config.data;
  if (data.tokenizer != "byte" && data.tokenizer != "sentencepiece" && data.tokenizer != "bpe") one(data.tokenizer);
  one(data.cache_dir);
  one(data.quality.words);
  for (SourceConfig& source : data.sources) {
    one(source.path);
    one(source.val);
    all(source.paths);
  }
  one(config.difficulty.tier_file);
  one(config.checkpoint.initial_load_path);
  all(config.plugins.paths);
}

}  // namespace

void expand_homes(RunConfig& config) {
  change_paths(config, expand_home);
}

void make_paths_absolute(RunConfig& config) {
  change_paths(config, absolute_path);
}

}  // namespace espalier
