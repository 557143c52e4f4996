// `espalier data generate`: synthetic text of known difficulty.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "core/app/verbs.h"
#include "core/base/cpus.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/output.h"
#include "core/base/text.h"
#include "core/data/generate/grammar.h"
#include "core/data/generate/jsonl_output.h"
#include "core/data/generate/records.h"

namespace espalier {
namespace {

using namespace generate;

struct Arguments {
  std::string out, bytes, split = "train", form = "text";
  uint64_t documents = 0, seed = 1;
  std::vector<int> levels;
  std::vector<std::string> tasks = {kTaskNames.begin(), kTaskNames.end()};
  int threads = 0;
  bool json = false;
};

// "500", "64k", "10M", "2.5G": decimal multiples.
uint64_t parse_bytes(const std::string& text) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
  }
  constexpr std::string_view kUnits = "kMG";
  const size_t unit = used < text.size() ? kUnits.find(text[used]) : 0;
  if (used < text.size() && unit != kUnits.npos) value *= std::pow(1000.0, static_cast<double>(unit + 1));
  if (used == 0 || unit == kUnits.npos || used + (used < text.size() ? 1 : 0) != text.size() || !(value >= 1) ||
      value > 1e15)
    throw Error(ErrorCode::config, "not a size: '" + text + "'", "--bytes", "for example 500k, 10M or 2.5G");
  return static_cast<uint64_t>(value);
}

std::vector<int> checked_levels(std::vector<int> levels, std::vector<int> all) {
  if (levels.empty()) return all;
  for (const int level : levels)
    if (level < 0 || level >= kLevels)
      throw Error(ErrorCode::config, "no such level: " + std::to_string(level), "--levels", "levels are 0 to 4");
  return levels;
}

int generate_file(const Arguments& args, const WriteLine& line) {
  OutputLimits limits;
  limits.documents = args.documents;
  if (!args.bytes.empty()) limits.bytes = parse_bytes(args.bytes);
  const int threads = args.threads > 0 ? args.threads : static_cast<int>(usable_cpus().threads);
  const fs::path path = args.out;
  if (path.has_parent_path()) make_dirs(path.parent_path(), ErrorCode::data);
  const auto start = std::chrono::steady_clock::now();
  const OutputTotals totals = write_json_lines(path, limits, threads, line);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (args.json)
    output() << nlohmann::json{{"path", valid_utf8(args.out)},
                               {"documents", totals.documents},
                               {"bytes", totals.bytes},
                               {"file_bytes", totals.file_bytes},
                               {"seconds", seconds}}
                    .dump(2)
             << "\n";
  else
    output() << fmt::format("{}: {} documents, {} bytes ({} on disk), {:.1f} MB/s\n", args.out,
                            with_commas(static_cast<int64_t>(totals.documents)),
                            with_commas(static_cast<int64_t>(totals.bytes)),
                            with_commas(static_cast<int64_t>(totals.file_bytes)),
                            static_cast<double>(totals.bytes) / 1e6 / std::max(seconds, 1e-9));
  return 0;
}

Split split_of(const Arguments& args) {
  return args.split == "heldout" ? Split::heldout : Split::train;
}

void add_common(Command verb, Arguments& args, const std::string& default_levels) {
  verb.add("--out", args.out, "File to write: .jsonl, .jsonl.gz or .jsonl.zst").required();
  verb.add("--documents", args.documents, "Stop after this many documents");
  verb.add("--bytes", args.bytes, "Stop with the document that reaches this many uncompressed bytes: 500k, 10M");
  verb.add("--level,--levels", args.levels, "Levels of difficulty, 0 to 4, in turn (default " + default_levels + ")")
      .comma_separated();
  verb.add("--seed", args.seed, "Another seed gives other documents").show_default();
  verb.add("--split", args.split, "train, or heldout: the tenth that train never contains, whatever the seed")
      .one_of({"train", "heldout"})
      .show_default();
  verb.add("--threads", args.threads, "Default: one a core; the file does not depend on it").between(0, 1024);
  verb.add_flag("--json", args.json, "Print JSON");
}

}  // namespace

void add_data_generate(Command data) {
  Command verb = data.add_verb("generate", "Write synthetic text of known difficulty as JSON lines");

  auto story_args = std::make_shared<Arguments>();
  Command stories = verb.add_verb("stories", "Short stories from a grammar; fields id, level, text");
  add_common(stories, *story_args, "0,1,2,3,4");
  stories.on_chosen([=] {
    const StoryRecords records(story_args->seed, checked_levels(story_args->levels, {0, 1, 2, 3, 4}),
                               split_of(*story_args));
    return generate_file(*story_args, [&](uint64_t number, std::string& out) { records.write(number, out); });
  });

  auto problem_args = std::make_shared<Arguments>();
  Command primitives = verb.add_verb("primitives", "Reasoning primitives: problems with one right answer");
  add_common(primitives, *problem_args, "0,1,2");
  primitives.add("--tasks", problem_args->tasks, "Which tasks, in turn (default: all)").comma_separated();
  primitives
      .add("--form", problem_args->form,
           "text for training; choices (query, choices, gold) or completion (context, continuation) for evaluation")
      .one_of({"text", "choices", "completion"})
      .show_default();
  primitives.on_chosen([=] {
    std::vector<Task> tasks;
    for (const std::string& name : problem_args->tasks) tasks.push_back(task_of(name));
    const ProblemForm form = problem_args->form == "choices"      ? ProblemForm::choices
                             : problem_args->form == "completion" ? ProblemForm::completion
                                                                  : ProblemForm::text;
    const ProblemRecords records(problem_args->seed, checked_levels(problem_args->levels, {0, 1, 2}), tasks,
                                 split_of(*problem_args), form);
    return generate_file(*problem_args, [&](uint64_t number, std::string& out) { records.write(number, out); });
  });
}

}  // namespace espalier
