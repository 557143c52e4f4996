#include "core/run/config.h"

#include "core/run/familiar_names.h"
#include "core/run/stored_paths.h"

namespace espalier {

void RunConfig::fields(Fields& f) {
  f.table("job", job, "The run itself.");
  f.table("model", model, "The final architecture.");
  f.table("data", data, "Text, tokenizer and mixture.");
  f.table("difficulty", difficulty, "How hard each document is, and into how many tiers that splits the data.");
  f.table("growth", growth, "How the model grows.");
  f.table("schedule", schedule, "What changes over the run.");
  f.table("optimizer", optimizer, "AdamW.");
  f.table("training", training, "Length, batch and precision.");
  f.table("checkpoint", checkpoint, "Saving and resuming.");
  f.table("validation", validation, "Held-out loss and generated samples.");
  f.table("metrics", metrics, "Progress lines and metric files.");
  f.table("plugins", plugins, "Where plugins are found.");
}

void GrowthConfig::fields(Fields& f) {
  f.plugin(plugin, "Growth strategy; none = a model of fixed size.");
  f.field("guard_bound", guard_bound,
          "Nats. When `guard_after` past a growth the training loss is still more than this above what it was, the run "
          "goes back to the checkpoint before the growth and stops with exit code 4; 0 = off.",
          Range::at_least(0));
  f.field("guard_after", guard_after, "When the guard looks: this long after each growth.");
}

namespace {

RunConfig checked(RunConfig config, Places places) {
  config.places = std::move(places);
  expand_homes(config);
  config.training.check(config.places);
  check(config.data);
  check(config.difficulty, config.data.sources, config.places);
  return config;
}

}  // namespace

RunConfig load_run_config(const fs::path& path, const std::vector<std::string>& overrides) {
  RunConfig config;
  Places places = read_toml(
      path, overrides, [&](Fields& f) { config.fields(f); }, familiar_names());
  return checked(std::move(config), std::move(places));
}

RunConfig parse_run_config(const std::string& text, const std::string& name,
                           const std::vector<std::string>& overrides) {
  RunConfig config;
  Places places = read_toml_text(
      text, name, overrides, [&](Fields& f) { config.fields(f); }, familiar_names());
  return checked(std::move(config), std::move(places));
}

std::string resolved_toml(RunConfig config) {
  make_paths_absolute(config);
  return write_toml([&](Fields& f) { config.fields(f); });
}

}  // namespace espalier
