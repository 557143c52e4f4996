// The tables of the story grammar: words, rules and the plots' own clauses. Wholly our own text.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/data/generate/grammar.h"

namespace espalier::generate {

// What the hero tries in vain: two finite clauses without their subjects' full stop, in a plain and a rich wording.
struct Attempt {
  std::string_view did, failed;            // "jumped up and up", "the tree was too tall"
  std::string_view did_rich, failed_rich;  // for levels 3 and 4
};

// What helps in the end. `means` is a noun phrase without article; the other two are whole clauses.
struct Remedy {
  std::string_view means, together, together_rich;
};

// One kind of trouble, with all that is tried against it.
struct Trouble {
  std::string_view items;                  // what it happens to, six nouns separated by '|'
  std::string_view want, want_rich;        // infinitive without "to"
  std::string_view trouble, trouble_rich;  // finite clause
  std::array<Attempt, 5> attempts;
  std::array<Remedy, 3> remedies;
};

std::span<const Trouble> story_troubles();
std::span<const WordList> story_words();
// Sentences of the levels 0 to 2, and of 3 to 4.
std::span<const Rule> plain_story_rules();
std::span<const Rule> rich_story_rules();

}  // namespace espalier::generate
