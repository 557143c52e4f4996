#include "core/data/generate/primitives.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/generate/draws.h"
#include "core/data/generate/grammar.h"
#include "core/data/generate/primitive_tasks.h"

namespace espalier::generate {
namespace {

std::string random_word(Draws& draws) {
  std::string word(3, 'a');
  for (char& letter : word) letter = static_cast<char>('a' + draws.below(26));
  return word;
}

}  // namespace

Task task_of(std::string_view name) {
  const auto it = std::find(kTaskNames.begin(), kTaskNames.end(), name);
  if (it == kTaskNames.end()) {
    const std::vector<std::string> names(kTaskNames.begin(), kTaskNames.end());
    std::string known;
    for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
    throw Error(ErrorCode::config, "unknown task '" + std::string(name) + "'", "--tasks",
                did_you_mean(name, names) + " the tasks are " + known);
  }
  return static_cast<Task>(it - kTaskNames.begin());
}

Problem copying(Draws& draws, int level) {
  constexpr std::array<size_t, kLevels> kWords = {10, 15, 20, 30, 40};
  constexpr size_t kShown = 5;
  std::vector<std::string> words;
  while (words.size() < kWords[static_cast<size_t>(level)]) {
    std::string word = random_word(draws);
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(std::move(word));
  }
  const size_t start = draws.below(static_cast<uint32_t>(words.size() - kShown));
  Problem problem;
  problem.context = "Fill in the blank:\n\n";
  for (const std::string& word : words) problem.context += word + " ";
  for (size_t i = 0; i < kShown; ++i) problem.context += words[start + i] + " ";
  problem.context += "___. ->";
  problem.answer = words[start + kShown];
  problem.key = problem.context;
  std::swap(words[start + kShown], words.back());
  for (size_t i = 0; i < 4; ++i)
    std::swap(words[i], words[i + draws.below(static_cast<uint32_t>(words.size() - 1 - i))]);
  set_choices(problem, {words[0], words[1], words[2], words[3]}, draws);
  return problem;
}

Problem assignment(Draws& draws, int level, bool code) {
  constexpr size_t kBase = 5;
  constexpr uint32_t kHighest = 25;
  const auto partial_shuffle = [&](auto& items, size_t count) {
    for (size_t i = 0; i < count; ++i)
      std::swap(items[i], items[i + draws.below(static_cast<uint32_t>(items.size() - i))]);
  };
  std::array<char, 26> letters;
  for (size_t i = 0; i < letters.size(); ++i) letters[i] = static_cast<char>('a' + i);
  partial_shuffle(letters, kBase * static_cast<size_t>(level + 1));
  std::array<uint32_t, kHighest> values;
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint32_t>(i + 1);
  partial_shuffle(values, kBase);  // five different values, so that a guess among them is right in one case of five

  const std::string_view equals = code ? " = " : "=";
  Problem problem;
  problem.context = code ? "The following is a simple program.\n\nProgram:\n\n" : "Fill in the blank:\n\n";
  std::array<size_t, kBase> bound = {0, 1, 2, 3, 4};  // which value each variable of the last layer has
  std::string lines;
  for (size_t i = 0; i < kBase; ++i) lines += letters[i] + std::string(equals) + std::to_string(values[i]) + "\n";
  for (size_t layer = 1; layer <= static_cast<size_t>(level); ++layer) {
    std::array<size_t, kBase> source = {0, 1, 2, 3, 4};
    partial_shuffle(source, kBase);
    std::array<size_t, kBase> next{};
    for (size_t i = 0; i < kBase; ++i) {
      lines += letters[layer * kBase + i] + std::string(equals) + letters[(layer - 1) * kBase + source[i]] + "\n";
      next[i] = bound[source[i]];
    }
    bound = next;
  }
  const size_t asked = draws.below(kBase);
  const char variable = letters[static_cast<size_t>(level) * kBase + asked];
  problem.context += lines;
  problem.context += code ? std::string("print(") + variable + ")\n\nOutput:" : variable + std::string("=___. ->");
  problem.answer = std::to_string(values[bound[asked]]);
  problem.key = lines + variable;  // the same for both wordings of one problem
  std::erase(problem.key, ' ');
  std::vector<std::string> wrong;
  for (size_t i = 0; i < kBase; ++i)
    if (i != bound[asked]) wrong.push_back(std::to_string(values[i]));
  set_choices(problem, {wrong[0], wrong[1], wrong[2], wrong[3]}, draws);
  return problem;
}

void set_choices(Problem& problem, std::array<std::string, 4> wrong, Draws& draws) {
  problem.gold = draws.below(5);
  for (size_t i = 0, next = 0; i < problem.choices.size(); ++i)
    problem.choices[i] = i == problem.gold ? problem.answer : std::move(wrong[next++]);
}

Problem make_problem(uint64_t seed, Task task, int level, Split split, uint64_t number) {
  if (level < 0 || level >= kLevels)
    throw Error(ErrorCode::config, "no such level of problems: " + std::to_string(level), "level", "levels are 0 to 4");
  Draws draws(mix64(seed, static_cast<uint64_t>(level) * 2 + (split == Split::heldout)),
              kTaskNames[static_cast<size_t>(task)], number);
  // Drawn again until the problem lies in the wanted part; the next draws are as independent as the first.
  for (;;) {
    Problem problem;
    switch (task) {
      case Task::copying:
        problem = copying(draws, level);
        break;
      case Task::assignment_math:
      case Task::assignment_code:
        problem = assignment(draws, level, task == Task::assignment_code);
        break;
      case Task::addition:
        problem = addition(draws, level);
        break;
      case Task::word_problem:
        problem = word_problem(draws, level);
        break;
    }
    if ((hash64(problem.key) % kHeldoutOneIn == kHeldoutOneIn - 1) == (split == Split::heldout)) return problem;
  }
}

}  // namespace espalier::generate
