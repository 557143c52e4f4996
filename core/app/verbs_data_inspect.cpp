
#include "core/app/inspection.h"
#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"

namespace espalier {

void add_scorer_option(Command verb, std::vector<std::string>& scorers) {
  verb.add("--scorer", scorers,
           "A scorer instead of the configured one: a name, perhaps with parameters, 'compression { level = 9 }' "
           "(repeatable)")
      .type_name("NAME")
      .repeatable();
}

void add_data_inspect(Command data) {
  struct Arguments {
    ConfigOptions options;
    std::vector<std::string> scorers;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = data.add_verb("inspect", "Show how the scores lie: histograms, tiers, examples, correlations");
  args->options.add(verb, /*with_config=*/true);
  add_scorer_option(verb, args->scorers);
  verb.add_flag("--json", args->json, "Print JSON");
  verb.on_chosen([=] {
    const auto scored = score_data(load_run_config(args->options.config, args->options.sets),
                                   args->options.plugin_paths, args->scorers, /*needed=*/false);
    const Inspection inspection = inspect(*scored);
    output() << (args->json ? dump_json(to_json(inspection), 2) + "\n" : to_text(inspection));
    return 0;
  });
}

}  // namespace espalier
