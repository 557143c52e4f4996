#include "core/app/verbs.h"

namespace espalier {

void add_data_verb(Command program) {
  Command data = program.add_verb("data", "Prepare and inspect training data");
  add_data_prepare(data);
  add_data_mix(data);
  add_data_generate(data);
  add_data_score(data);
  add_data_inspect(data);
}

}  // namespace espalier
