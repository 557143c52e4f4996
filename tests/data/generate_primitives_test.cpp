// Reasoning primitives: the answers re-derived from the text by an evaluator of the test's own, their distribution, and
// the split.
#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "catch.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/data/generate/primitives.h"

using namespace espalier;
using namespace espalier::generate;

namespace {

constexpr Task kTasks[] = {Task::copying, Task::assignment_math, Task::assignment_code, Task::addition,
                           Task::word_problem};

std::vector<std::string> split_at(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, separator);) out.push_back(item);
  return out;
}

std::string solve_copying(const std::string& context) {
  const std::string body = context.substr(context.find("\n\n") + 2);
  std::vector<std::string> words = split_at(body, ' ');
  REQUIRE(words.back() == "->");
  words.resize(words.size() - 2);  // "___." and "->"
  for (size_t i = 0; i + 5 < words.size() - 5; ++i)
    if (std::equal(words.end() - 5, words.end(), words.begin() + static_cast<std::ptrdiff_t>(i))) return words[i + 5];
  return "not found";
}

// Runs the assignments one by one; `depth` counts the aliases between the variable asked for and its number.
std::string run_assignments(const std::string& context, int* depth, size_t* variables) {
  std::map<std::string, std::pair<std::string, int>> environment;
  const std::regex line(R"(^([a-z]) ?= ?([a-z]|\d+)$)"), math(R"(^([a-z])=___\. ->$)"), code(R"(^print\(([a-z])\)$)");
  std::string asked;
  for (const std::string& text : split_at(context, '\n')) {
    std::smatch match;
    if (std::regex_match(text, match, line)) {
      REQUIRE_FALSE(environment.contains(match[1]));  // assigned once
      if (std::isdigit(static_cast<unsigned char>(match[2].str()[0])) != 0) {
        environment[match[1]] = {match[2], 0};
      } else {
        REQUIRE(environment.contains(match[2]));  // before it is used
        const auto [value, length] = environment[match[2]];
        environment[match[1]] = {value, length + 1};
      }
    } else if (std::regex_match(text, match, math) || std::regex_match(text, match, code)) {
      asked = match[1];
    }
  }
  REQUIRE(environment.contains(asked));
  *depth = environment[asked].second;
  *variables = environment.size();
  return environment[asked].first;
}

std::string solve_addition(const std::string& context) {
  std::istringstream in(context);
  long a = 0, b = 0;
  std::string plus, equals;
  in >> a >> plus >> b >> equals;
  REQUIRE(plus == "+");
  REQUIRE(equals == "=");
  return std::to_string(a + b);
}

// Reads the sentences: a verb of gain or of loss with a number.
std::string solve_word_problem(const std::string& context, int* steps) {
  const std::regex change(R"((finds|gives|buys|wins|loses|sells|puts) (\w+ )?(\d+)( more| in| of)?)");
  const std::regex start(R"(^Question: \w+ has (\d+) )");
  std::smatch match;
  REQUIRE(std::regex_search(context, match, start));
  long count = std::stol(match[1]);
  *steps = 0;
  for (std::sregex_iterator it(context.begin(), context.end(), change), end; it != end; ++it, ++*steps) {
    const std::string verb = (*it)[1], after = (*it)[4];
    const bool gain = verb == "finds" || verb == "buys" || verb == "wins" || (verb == "gives" && after == " more");
    count += gain ? std::stol((*it)[3]) : -std::stol((*it)[3]);
    REQUIRE(count >= 0);
  }
  return std::to_string(count);
}

// Pearson's statistic against equal frequencies, and the 99.9 % quantile by Wilson and Hilferty's approximation.
void check_uniform(const std::map<std::string, int>& counts, size_t cells) {
  REQUIRE(counts.size() == cells);
  double total = 0, statistic = 0;
  for (const auto& [value, count] : counts) total += count;
  const double expected = total / static_cast<double>(cells);
  for (const auto& [value, count] : counts) statistic += (count - expected) * (count - expected) / expected;
  const double df = static_cast<double>(cells) - 1, z = 3.0902, t = 2 / (9 * df);
  const double bound = df * std::pow(1 - t + z * std::sqrt(t), 3);
  CHECK(statistic < bound);
}

}  // namespace

TEST_CASE("problems do not change between versions without notice", "[generate][primitives]") {
  // Made by this generator when it was written; the answers of these problems are checked by the evaluator below.
  std::string all;
  for (const Task task : kTasks)
    for (int level = 0; level < 5; ++level)
      for (uint64_t number = 0; number < 5; ++number) {
        const Problem problem = make_problem(1, task, level, Split::train, number);
        all += problem.context + " " + problem.answer + "\n";
        for (const std::string& choice : problem.choices) all += choice + "\n";
      }
  CHECK(sha256_bytes(all) == "30b2142373a20ee363088dc2ec231234ef3cd9679ce3663b5ed532a40276cfb9");
}

TEST_CASE("answers are right, at the difficulty asked for", "[generate][primitives]") {
  for (const Task task : kTasks) {
    for (int level = 0; level < 5; ++level) {
      for (uint64_t number = 0; number < 150; ++number) {
        for (const Split split : {Split::train, Split::heldout}) {
          const Problem problem = make_problem(3, task, level, split, number);
          INFO(problem.context << " " << problem.answer);
          int depth = -1, steps = -1;
          size_t variables = 0;
          std::string solved;
          switch (task) {
            case Task::copying:
              solved = solve_copying(problem.context);
              break;
            case Task::assignment_math:
            case Task::assignment_code:
              solved = run_assignments(problem.context, &depth, &variables);
              CHECK(depth == level);
              CHECK(variables == 5u * static_cast<size_t>(level + 1));
              break;
            case Task::addition:
              solved = solve_addition(problem.context);
              CHECK(problem.context.find(' ') == static_cast<size_t>(level + 1));
              break;
            case Task::word_problem:
              solved = solve_word_problem(problem.context, &steps);
              CHECK(steps == level + 1);
              break;
          }
          REQUIRE(solved == problem.answer);
          REQUIRE(problem.choices[problem.gold] == problem.answer);
          REQUIRE(std::set(problem.choices.begin(), problem.choices.end()).size() == 5);
          if (task == Task::assignment_math ||
              task == Task::assignment_code)  // a guess among the values is one in five
            for (const std::string& choice : problem.choices)
              CHECK(problem.context.find((task == Task::assignment_code ? " = " : "=") + choice + "\n") !=
                    std::string::npos);
        }
      }
    }
  }
}

TEST_CASE("answers are spread evenly", "[generate][primitives]") {
  for (const Task task : kTasks) {
    for (int level = 0; level < 3; ++level) {
      INFO(kTaskNames[static_cast<size_t>(task)] << " level " << level);
      std::map<std::string, int> places, values, letters;
      for (uint64_t number = 0; number < 5000; ++number) {
        const Problem problem = make_problem(11, task, level, Split::train, number);
        ++places[std::to_string(problem.gold)];
        ++values[problem.answer];
        if (task == Task::copying) ++letters[problem.answer.substr(0, 1)];
      }
      check_uniform(places, 5);
      if (task == Task::assignment_math || task == Task::assignment_code) check_uniform(values, 25);  // 1 to 25
      if (task == Task::copying) check_uniform(letters, 26);
    }
  }
}

TEST_CASE("a problem depends on its arguments alone, and the split on the problem alone", "[generate][primitives]") {
  for (const Task task : kTasks) {
    for (int level = 0; level < 5; ++level) {
      std::set<std::string> trained, contexts, other;
      for (uint64_t number = 0; number < 600; ++number) {
        const Problem problem = make_problem(1, task, level, Split::train, number);
        if (number < 20) CHECK(make_problem(1, task, level, Split::train, number).context == problem.context);
        trained.insert(problem.key);
        contexts.insert(problem.context);
        other.insert(make_problem(2, task, level, Split::train, number).context);
      }
      size_t held_out_seen = 0;
      for (uint64_t number = 0; number < 200; ++number)
        for (const uint64_t seed : {1u, 99u})
          held_out_seen += trained.contains(make_problem(seed, task, level, Split::heldout, number).key);
      INFO(kTaskNames[static_cast<size_t>(task)] << " level " << level);
      CHECK(held_out_seen == 0);
      if (task == Task::addition && level < 2) continue;  // small spaces: the same sums come again
      std::vector<std::string> shared;
      std::set_intersection(contexts.begin(), contexts.end(), other.begin(), other.end(), std::back_inserter(shared));
      CHECK(shared.size() <= (task == Task::addition || task == Task::word_problem ? 6 : 0));
    }
  }
}

TEST_CASE("unknown tasks and levels are refused with what is known", "[generate][primitives]") {
  CHECK_THROWS_AS(make_problem(1, Task::addition, 5, Split::train, 0), Error);
  CHECK_THROWS_AS(make_problem(1, Task::addition, -1, Split::train, 0), Error);
  try {
    task_of("additon");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    CHECK(error.hint().find("'addition'") != std::string::npos);
  }
  for (const auto name : kTaskNames) CHECK(kTaskNames[static_cast<size_t>(task_of(name))] == name);
}
