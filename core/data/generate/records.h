// Generated documents as JSON lines: which document has which number, and what a line holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/generate/primitives.h"
#include "core/data/generate/split.h"

namespace espalier::generate {

class StoryGenerator;

// Lines {"id", "level", "text"}. Document n has level levels[n % k] of the k levels and is story n / k of that level.
class StoryRecords {
 public:
  StoryRecords(uint64_t seed, std::vector<int> levels, Split split);
  ~StoryRecords();
  void write(uint64_t number, std::string& out) const;  // any thread

 private:
  uint64_t seed_;
  std::vector<int> levels_;
  Split split_;
  std::vector<StoryGenerator> generators_;
};

// What a line of a problem holds besides "id", "task" and "level".
enum class ProblemForm {
  text,        // "text", "question", "answer": for training
  choices,     // "query", "choices", "gold", "answer": multiple choice
  completion,  // "context", "continuation" (with its space), "answer"
};

// Document n of k levels and m tasks has level n % k, task (n / k) % m and is problem n / (k m) of these.
class ProblemRecords {
 public:
  ProblemRecords(uint64_t seed, std::vector<int> levels, std::vector<Task> tasks, Split split, ProblemForm form)
      : seed_(seed), levels_(std::move(levels)), tasks_(std::move(tasks)), split_(split), form_(form) {}
  void write(uint64_t number, std::string& out) const;  // any thread

 private:
  uint64_t seed_;
  std::vector<int> levels_;
  std::vector<Task> tasks_;
  Split split_;
  ProblemForm form_;
};

}  // namespace espalier::generate
