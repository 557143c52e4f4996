#include <fmt/format.h>

#include <memory>

#include "core/app/mix_report.h"
#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/output.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

double epochs_of(const MixSource& source) {
  return static_cast<double>(source.drawn) / static_cast<double>(source.tokens);
}

json to_json(const MixReport& report) {
  json spans = json::array(), sources = json::array();
  for (const auto& span : report.spans)
    spans.push_back({{"start", span.start}, {"end", span.end}, {"sources", span.sources}, {"tiers", span.tiers}});
  for (const auto& source : report.sources)
    sources.push_back({{"name", source.name},
                       {"tokens", source.tokens},
                       {"drawn", source.drawn},
                       {"fraction", source.fraction},
                       {"epochs", epochs_of(source)},
                       {"first_pass", source.first_pass < 0 ? json() : json(source.first_pass)}});
  return {{"steps", report.steps},
          {"out_of_data", report.out_of_data < 0 ? json() : json(report.out_of_data)},
          {"sources", sources},
          {"spans", spans}};
}

std::string to_text(const MixReport& report) {
  std::string out = fmt::format("{:<16} {:>14} {:>14} {:>9} {:>8} {:>12}\n", "source", "tokens", "drawn", "fraction",
                                "epochs", "all seen at");
  for (const auto& source : report.sources)
    out += fmt::format("{:<16} {:>14} {:>14} {:>8.2f}% {:>8.2f} {:>12}\n", source.name,
                       with_commas(static_cast<int64_t>(source.tokens)),
                       with_commas(static_cast<int64_t>(source.drawn)), 100 * source.fraction, epochs_of(source),
                       source.first_pass < 0 ? "-" : fmt::format("step {}", source.first_pass));
  out += fmt::format("\n{:<17}", "steps");
  for (const auto& source : report.sources) out += fmt::format(" {:>12}", source.name.substr(0, 12));
  const size_t tiers = report.spans.empty() ? 0 : report.spans.front().tiers.size();
  for (size_t t = 0; t < tiers && tiers > 1; ++t) out += fmt::format(" {:>7}", fmt::format("tier {}", t));
  out += "\n";
  for (const auto& span : report.spans) {
    out += fmt::format("{:<17}", fmt::format("{} to {}", span.start + 1, span.end));
    for (const double fraction : span.sources) out += fmt::format(" {:>11.2f}%", 100 * fraction);
    for (size_t t = 0; t < tiers && tiers > 1; ++t) out += fmt::format(" {:>6.1f}%", 100 * span.tiers[t]);
    out += "\n";
  }
  if (report.out_of_data >= 0)
    out += fmt::format("\nevery source is used up after step {} (exhausted = \"stop\")\n", report.out_of_data);
  return out;
}

}  // namespace

void add_data_mix(Command data) {
  struct Arguments {
    ConfigOptions options;
    bool json = false;
    int64_t steps = 0, spans = 10;
  };
  auto args = std::make_shared<Arguments>();
  Command mix = data.add_verb("mix", "Tell which sources and tiers a run draws from over its steps, without training");
  args->options.add(mix, /*with_config=*/true);
  mix.add("--steps", args->steps, "Look at the first steps only; 0: all").at_least(0);
  mix.add("--spans", args->spans, "Parts that the steps are divided into").at_least(1);
  mix.add_flag("--json", args->json, "Print JSON");
  mix.on_chosen([=] {
    const RunConfig config = load_run_config(args->options.config, args->options.sets);
    const PluginHost host = open_plugins(config, args->options.plugin_paths);
    const RunData texts = make_data(config, host);
    const ModelSpec final_spec = final_spec_of(config, texts.tokenizer->vocab_size());
    TokenStream stream = make_stream(config, texts, Comm());
    const RunSteps steps = make_steps(config, host, final_spec, stream.tokens_per_epoch());
    const RunShape shape = make_shape(config, host, final_spec, steps.length);
    const RunPlan plan = make_plan(config, host, steps, shape);
    const MixReport report = mix_report(config, *texts.prepared, std::move(stream), plan, args->steps, args->spans);
    output() << (args->json ? to_json(report).dump(2) + "\n" : to_text(report));
    return 0;
  });
}

}  // namespace espalier
