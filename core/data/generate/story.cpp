#include "core/data/generate/story.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/data/generate/story_tables.h"

namespace espalier::generate {
namespace {

constexpr std::string_view kSlots[] = {"hero",    "he",    "him",      "his",    "himself",  "kid",   "friend",
                                       "fhe",     "fhim",  "fhis",     "item",   "colour",   "home",  "want",
                                       "trouble", "did",   "failed",   "means",  "together", "order", "elder",
                                       "office",  "other", "stranger", "region", "feast"};
constexpr std::string_view kOrder[] = {"first", "next", "then", "after that", "finally"};
constexpr size_t kItems = 6;

// How much happens at each level.
struct Shape {
  size_t attempts, pauses, scenes;
};
constexpr std::array<Shape, kLevels> kShapes = {{{3, 0, 0}, {3, 2, 2}, {3, 2, 2}, {4, 3, 1}, {5, 3, 2}}};

// The grammar with the clauses of all troubles, compiled once.
struct Compiled {
  struct Clauses {
    std::vector<std::string_view> items;
    std::array<Grammar::TemplateId, 2> want, trouble;  // plain, rich
    std::array<std::array<Grammar::TemplateId, 2>, 5> did, failed;
    std::array<std::string_view, 3> means;
    std::array<std::array<Grammar::TemplateId, 2>, 3> together;
  };

  Compiled() : grammar(all_rules(), story_words(), kSlots) {
    for (const Trouble& trouble : story_troubles()) {
      Clauses clauses;
      const auto both = [&](std::string_view plain, std::string_view rich) {
        return std::array{grammar.compile(plain), grammar.compile(rich)};
      };
      for (std::string_view rest = trouble.items; !rest.empty();) {
        const size_t end = std::min(rest.find('|'), rest.size());
        clauses.items.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      clauses.want = both(trouble.want, trouble.want_rich);
      clauses.trouble = both(trouble.trouble, trouble.trouble_rich);
      for (size_t i = 0; i < trouble.attempts.size(); ++i) {
        const Attempt& attempt = trouble.attempts[i];
        clauses.did[i] = both(attempt.did, attempt.did_rich);
        clauses.failed[i] = both(attempt.failed, attempt.failed_rich);
      }
      for (size_t i = 0; i < trouble.remedies.size(); ++i) {
        clauses.means[i] = trouble.remedies[i].means;
        clauses.together[i] = both(trouble.remedies[i].together, trouble.remedies[i].together_rich);
      }
      troubles.push_back(std::move(clauses));
    }
  }

  static std::vector<Rule> all_rules() {
    std::vector<Rule> rules(plain_story_rules().begin(), plain_story_rules().end());
    rules.insert(rules.end(), rich_story_rules().begin(), rich_story_rules().end());
    return rules;
  }

  Grammar grammar;
  std::vector<Clauses> troubles;
};

const Compiled& compiled() {
  static const Compiled instance;
  return instance;
}

// Names of both lists as one range: girls first.
size_t num_names(int level) {
  return compiled().grammar.words("girl", level).size() + compiled().grammar.words("boy", level).size();
}

Character character(int level, size_t index) {
  const auto girls = compiled().grammar.words("girl", level);
  if (index < girls.size()) return {girls[index], true};
  return {compiled().grammar.words("boy", level)[index - girls.size()], false};
}

// Ordered choices of `attempts` out of 5.
uint64_t num_orders(int level) {
  uint64_t orders = 1;
  for (size_t i = 0; i < kShapes[static_cast<size_t>(level)].attempts; ++i) orders *= 5 - i;
  return orders;
}

uint64_t space_size(int level) {
  const auto& c = compiled();
  const uint64_t names = num_names(level);
  return c.troubles.size() * kItems * 3 * num_orders(level) * names * (names - 1) *
         c.grammar.words("place", level).size() * c.grammar.words("trait", level).size();
}

uint64_t split_size(int level, Split split) {
  const uint64_t held_out = space_size(level) / kHeldoutOneIn;
  return split == Split::heldout ? held_out : space_size(level) / kHeldoutOneIn * (kHeldoutOneIn - 1);
}

int checked_level(int level) {
  if (level < 0 || level >= kLevels)
    throw Error(ErrorCode::config, "no such level of stories: " + std::to_string(level), "level", "levels are 0 to 4");
  return level;
}

// Takes the lowest digit of a number in mixed radix.
size_t digit(uint64_t& number, uint64_t radix) {
  const uint64_t value = number % radix;
  number /= radix;
  return value;
}

}  // namespace

StoryGenerator::StoryGenerator(uint64_t seed, int level, Split split)
    : seed_(seed),
      level_(checked_level(level)),
      split_(split),
      order_(split_size(level_, split), seed, "story plots", static_cast<uint64_t>(level_)) {}

uint64_t StoryGenerator::plot_number(uint64_t number) const {
  const uint64_t walked = order_(number % order_.size());
  constexpr uint64_t kTrained = kHeldoutOneIn - 1;
  return split_ == Split::heldout ? walked * kHeldoutOneIn + kTrained
                                  : walked / kTrained * kHeldoutOneIn + walked % kTrained;
}

Plot StoryGenerator::plot_of(uint64_t number) const {
  // The split goes by a remainder, and so would the lowest digits below; a fixed permutation separates the two.
  const Permutation scramble(space_size(level_), 0, "story split", static_cast<uint64_t>(level_));
  uint64_t rest = scramble(plot_number(number));

  const auto& grammar = compiled().grammar;
  Plot plot;
  plot.trouble = digit(rest, compiled().troubles.size());
  plot.item = digit(rest, kItems);
  plot.remedy = digit(rest, 3);
  std::array<size_t, 5> left = {0, 1, 2, 3, 4};
  for (size_t i = 0; i < kShapes[static_cast<size_t>(level_)].attempts; ++i) {
    std::swap(left[i], left[i + digit(rest, 5 - i)]);
    plot.attempts.push_back(left[i]);
  }
  const size_t hero = digit(rest, num_names(level_));
  const size_t other = digit(rest, num_names(level_) - 1);
  plot.hero = character(level_, hero);
  plot.friendly = character(level_, other < hero ? other : other + 1);
  const auto homes = grammar.words("place", level_), colours = grammar.words("trait", level_);
  plot.home = homes[digit(rest, homes.size())];
  plot.colour = colours[digit(rest, colours.size())];
  return plot;
}

void StoryGenerator::expand(const Plot& plot, uint64_t number, std::string& out, std::vector<Character>* cast) const {
  const Grammar& grammar = compiled().grammar;
  static const auto slots = [&] {
    std::array<uint32_t, std::size(kSlots)> indices{};
    for (size_t i = 0; i < indices.size(); ++i) indices[i] = grammar.slot(kSlots[i]);
    return indices;
  }();
  enum Slot {
    hero,
    he,
    him,
    his,
    himself,
    kid,
    friendly,
    fhe,
    fhim,
    fhis,
    item,
    colour,
    home,
    want,
    trouble,
    did,
    failed,
    means,
    together,
    order,
    elder,
    office,
    other,
    stranger,
    region,
    feast
  };
  struct Sections {
    uint32_t open, who, scene, goal, problem, mood, attempt, pause, wise, ask, answer, solve, joy, end;
  };
  static const Sections rule = {grammar.rule("open"), grammar.rule("who"),     grammar.rule("scene"),
                                grammar.rule("goal"), grammar.rule("problem"), grammar.rule("mood"),
                                grammar.rule("try"),  grammar.rule("pause"),   grammar.rule("wise"),
                                grammar.rule("ask"),  grammar.rule("answer"),  grammar.rule("solve"),
                                grammar.rule("joy"),  grammar.rule("end")};
  const Shape& shape = kShapes[static_cast<size_t>(level_)];
  const Compiled::Clauses& clauses = compiled().troubles[plot.trouble];
  const size_t rich = level_ >= 3 ? 1 : 0;
  Draws draws(mix64(seed_, static_cast<uint64_t>(level_) * 2 + (split_ == Split::heldout)), "story words", number);
  std::vector<Character> people = {plot.hero, plot.friendly};
  while (people.size() < 5) {  // elder, other, stranger; each name once
    const Character person = character(level_, draws.below(static_cast<uint32_t>(num_names(level_))));
    const bool taken = std::any_of(people.begin(), people.end(), [&](const auto& p) { return p.name == person.name; });
    if (!taken) people.push_back(person);
  }
  const auto draw = [&](std::string_view list) {
    const auto choices = grammar.words(list, level_);
    return choices[draws.below(static_cast<uint32_t>(choices.size()))];
  };

  std::string text;
  Expansion words(grammar, level_, draws, text);
  const auto bind = [&](Slot slot, auto value) { words.bind(slots[slot], value); };
  const auto pronoun = [](const Character& who, std::string_view she, std::string_view he_) {
    return who.female ? she : he_;
  };
  bind(hero, plot.hero.name);
  bind(he, pronoun(plot.hero, "she", "he"));
  bind(him, pronoun(plot.hero, "her", "him"));
  bind(his, pronoun(plot.hero, "her", "his"));
  bind(himself, pronoun(plot.hero, "herself", "himself"));
  bind(kid, pronoun(plot.hero, "girl", "boy"));
  bind(friendly, plot.friendly.name);
  bind(fhe, pronoun(plot.friendly, "she", "he"));
  bind(fhim, pronoun(plot.friendly, "her", "him"));
  bind(fhis, pronoun(plot.friendly, "her", "his"));
  bind(item, clauses.items[plot.item]);
  bind(colour, plot.colour);
  bind(home, plot.home);
  bind(want, clauses.want[rich]);
  bind(trouble, clauses.trouble[rich]);
  bind(means, clauses.means[plot.remedy]);
  bind(together, clauses.together[plot.remedy][rich]);
  bind(elder, people[2].name);
  bind(office, draw("trade"));
  bind(region, draw("regions"));
  bind(feast, draw("feasts"));
  bind(other, people[3].name);
  bind(stranger, people[4].name);

  size_t scenes = shape.scenes, pauses = shape.pauses;
  const auto scene = [&] {
    if (scenes > 0) words.sentence(rule.scene), --scenes;
  };
  words.sentence(rule.open);
  words.sentence(rule.who);
  scene();
  words.paragraph();
  words.sentence(rule.goal);
  words.sentence(rule.problem);
  words.sentence(rule.mood);
  for (size_t i = 0; i < plot.attempts.size(); ++i) {
    if (i == 0 || level_ >= 3) words.paragraph();
    bind(did, clauses.did[plot.attempts[i]][rich]);
    bind(failed, clauses.failed[plot.attempts[i]][rich]);
    bind(order, kOrder[i]);
    words.sentence(rule.attempt);
    if (pauses > 0) words.sentence(rule.pause), --pauses;
    if (i > 0) scene();
  }
  words.paragraph();
  if (level_ >= 2) words.sentence(rule.wise);
  words.sentence(rule.ask);
  words.sentence(rule.answer);
  words.paragraph();
  words.sentence(rule.solve);
  words.sentence(rule.joy);
  scene();
  words.sentence(rule.end);
  out += text;
  if (cast == nullptr) return;
  people.resize(level_ >= 3 ? 5 : level_ == 2 ? 3 : 2);
  *cast = std::move(people);
}

void StoryGenerator::write(uint64_t number, std::string& out) const {
  expand(plot_of(number), number, out, nullptr);
}

Story StoryGenerator::story(uint64_t number) const {
  Story out;
  out.plot = plot_of(number);
  expand(out.plot, number, out.text, &out.cast);
  return out;
}

}  // namespace espalier::generate
