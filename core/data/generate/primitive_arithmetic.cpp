#include <algorithm>
#include <vector>

#include "core/data/generate/primitive_tasks.h"

namespace espalier::generate {
namespace {

// Four other numbers near the answer, none negative and no two the same: off by one to five, or by one in another
// digit.
void set_numeric_choices(Problem& problem, int64_t answer, Draws& draws) {
  problem.answer = std::to_string(answer);
  std::vector<int64_t> wrong;
  while (wrong.size() < 4) {
    int64_t unit = 1;
    for (uint32_t digits = draws.below(static_cast<uint32_t>(problem.answer.size())); digits > 0; --digits) unit *= 10;
    const int64_t distance = draws.between(1, 5) * unit;
    const int64_t value = draws.below(2) == 0 ? answer - distance : answer + distance;
    if (value >= 0 && std::find(wrong.begin(), wrong.end(), value) == wrong.end()) wrong.push_back(value);
  }
  set_choices(problem,
              {std::to_string(wrong[0]), std::to_string(wrong[1]), std::to_string(wrong[2]), std::to_string(wrong[3])},
              draws);
}

struct Person {
  std::string_view name, she;
};
constexpr Person kPeople[] = {{"Mia", "she"},   {"Tom", "he"},  {"Rosa", "she"},  {"Otto", "he"},
                              {"Vera", "she"},  {"Emil", "he"}, {"Lily", "she"},  {"Finn", "he"},
                              {"Clara", "she"}, {"Hugo", "he"}, {"Agnes", "she"}, {"Paul", "he"}};
constexpr std::string_view kThings[] = {"apples", "marbles", "shells",   "buttons", "pencils", "cookies",
                                        "stones", "coins",   "feathers", "cards",   "berries", "beads"};

struct Change {
  bool gain;
  std::string_view before, after;  // "<before> 3 <after>": {n} name, {s} pronoun
};
constexpr Change kChanges[] = {{true, "Then {s} finds ", " more."},
                               {true, "A friend gives {n} ", " more."},
                               {true, "The next day {s} buys ", " more."},
                               {true, "{n} wins ", " in a game."},
                               {false, "Then {s} loses ", " of them."},
                               {false, "{n} gives ", " of them to a friend."},
                               {false, "The next day {s} sells ", " of them."},
                               {false, "{n} puts ", " of them aside for a brother, who takes them away."}};

void append(std::string& out, std::string_view text, const Person& person) {
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    out += text[1] == 'n' ? person.name : person.she;
    text.remove_prefix(3);
  }
}

}  // namespace

Problem addition(Draws& draws, int level) {
  int64_t lowest = 1;
  for (int i = 0; i < level; ++i) lowest *= 10;
  const int64_t a = draws.between(lowest, lowest * 10 - 1), b = draws.between(lowest, lowest * 10 - 1);
  Problem problem;
  problem.context = std::to_string(a) + " + " + std::to_string(b) + " =";
  problem.key = std::to_string(std::min(a, b)) + "+" + std::to_string(std::max(a, b));
  set_numeric_choices(problem, a + b, draws);
  return problem;
}

Problem word_problem(Draws& draws, int level) {
  const Person& person = kPeople[draws.below(std::size(kPeople))];
  const std::string_view things = kThings[draws.below(std::size(kThings))];
  int64_t count = draws.between(2, 10);
  Problem problem;
  problem.context =
      "Question: " + std::string(person.name) + " has " + std::to_string(count) + " " + std::string(things) + ".";
  problem.key = problem.context;
  for (int step = 0; step <= level; ++step) {
    // Something is left after every loss but the last, of which all may go.
    const int64_t most = step == level ? count : count - 1;
    const bool gain = most < 2 || draws.below(2) == 0;
    const Change& change = kChanges[(gain ? 0 : 4) + draws.below(4)];
    const int64_t amount = draws.between(2, gain ? 10 : std::min<int64_t>(most, 10));
    count += gain ? amount : -amount;
    problem.context += " ";
    append(problem.context, change.before, person);
    problem.context += std::to_string(amount);
    append(problem.context, change.after, person);
  }
  problem.key = problem.context;
  problem.context += " How many " + std::string(things) + " does " + std::string(person.name) + " have now?\nAnswer:";
  set_numeric_choices(problem, count, draws);
  return problem;
}

}  // namespace espalier::generate
