// Reasoning primitives: small problems with one right answer and a known difficulty.
//
// Tasks after Saunshi et al., "On the Inductive Bias of Stacking Towards Improving Reasoning" (MIDAS), arXiv
// 2409.19044, section on reasoning primitives. From the paper: copying a repeated sequence of random words; variable
// assignment with five base variables whose values lie in [1, 25], depth 1 and 2 each adding five aliases one to one,
// in a mathematical and a code wording; arithmetic at pre-school level. The exact wording, the levels beyond the
// paper's and k-digit addition are ours.
//
// What a level means:
//   copying            sequences of 10, 15, 20, 30, 40 words; five words are shown again and the next one is asked for
//   assignment-math    depth = level: 5 * (level + 1) variables
//   assignment-code    the same as a program
//   addition           level + 1 digits in each number
//   word-problem       level + 1 changes of a count, first numbers up to 10
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/generate/split.h"

namespace espalier::generate {

enum class Task { copying, assignment_math, assignment_code, addition, word_problem };
inline constexpr std::array<std::string_view, 5> kTaskNames = {"copying", "assignment-math", "assignment-code",
                                                               "addition", "word-problem"};
// Throws Error(config) with the known names for another one.
Task task_of(std::string_view name);

struct Problem {
  std::string context;                 // ends where a space and the answer follow
  std::string answer;                  // one word or number
  std::array<std::string, 5> choices;  // all different; choices[gold] == answer
  size_t gold = 0;
  // The problem without its wording; problems that ask for the same thing have the same key (a + b and b + a).
  std::string key;
};

// Problem `number` of a task: a pure function of all arguments. level 0 .. 4, else Error(config). One key in ten is
// held out whatever the seed. Small spaces repeat: there are 45 pairs of one-digit numbers.
Problem make_problem(uint64_t seed, Task task, int level, Split split, uint64_t number);

}  // namespace espalier::generate
