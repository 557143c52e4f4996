#include "core/data/generate/records.h"

#include <fmt/format.h>

#include <iterator>

#include "core/data/generate/jsonl_output.h"
#include "core/data/generate/story.h"

namespace espalier::generate {
namespace {

std::string_view mark(Split split) {
  return split == Split::heldout ? "heldout" : "train";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

}  // namespace

StoryRecords::StoryRecords(uint64_t seed, std::vector<int> levels, Split split)
    : seed_(seed), levels_(std::move(levels)), split_(split) {
  for (const int level : levels_) generators_.emplace_back(seed, level, split);
}

StoryRecords::~StoryRecords() = default;

void StoryRecords::write(uint64_t number, std::string& out) const {
  const size_t which = number % levels_.size();
  const uint64_t story = number / levels_.size();
  fmt::format_to(std::back_inserter(out), R"({{"id":"story-{}-s{}-l{}-{}","level":{},"text":)", mark(split_), seed_,
                 levels_[which], story, levels_[which]);
  std::string text;
  generators_[which].write(story, text);
  append_json_string(out, text);
  out += "}\n";
}

void ProblemRecords::write(uint64_t number, std::string& out) const {
  const int level = levels_[number % levels_.size()];
  const uint64_t rest = number / levels_.size();
  const Task task = tasks_[rest % tasks_.size()];
  const std::string_view name = kTaskNames[static_cast<size_t>(task)];
  const uint64_t index = rest / tasks_.size();
  const Problem problem = make_problem(seed_, task, level, split_, index);
  fmt::format_to(std::back_inserter(out), R"({{"id":"{}-{}-s{}-l{}-{}","task":"{}","level":{})", name, mark(split_),
                 seed_, level, index, name, level);
  switch (form_) {
    case ProblemForm::text:
      append_field(out, "text", problem.context + " " + problem.answer);
      append_field(out, "question", problem.context);
      break;
    case ProblemForm::choices:
      append_field(out, "query", problem.context);
      out += ",\"choices\":[";
      for (size_t i = 0; i < problem.choices.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, problem.choices[i]);
      }
      fmt::format_to(std::back_inserter(out), R"(],"gold":{})", problem.gold);
      break;
    case ProblemForm::completion:
      append_field(out, "context", problem.context);
      append_field(out, "continuation", " " + problem.answer);
      break;
  }
  append_field(out, "answer", problem.answer);
  out += "}\n";
}

}  // namespace espalier::generate
