#include "core/app/verbs.h"

namespace espalier {

void add_data_verb(CLI::App& app, Action& action) {
  auto* data = app.add_subcommand("data", "Prepare and inspect training data");
  data->require_subcommand(1);
  add_data_prepare(*data, action);
  add_data_mix(*data, action);
  add_data_generate(*data, action);
  add_data_score(*data, action);
  add_data_inspect(*data, action);
}

}  // namespace espalier
