// Short stories from a grammar, at five levels of difficulty: the easiest tier of a curriculum, of any size.
//
// A story has a hero with a wish, a trouble, attempts that fail, a friend who helps, and an end. Its *plot* (who,
// where, what, which trouble, attempts and remedy) is one number of a space of millions at level 0 and more above;
// document numbers walk through it by a permutation, so stories with different plots never repeat, and one plot in ten
// is held out from training whatever the seed. The wording is drawn per document. With the level rise the number of
// sentences, their length and nesting, the number of characters and attempts, and the size and rarity of the
// vocabulary. In the spirit of Eldan and Li, "TinyStories", arXiv 2305.07759; grammar and words are our own.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/data/generate/grammar.h"
#include "core/data/generate/split.h"

namespace espalier::generate {

struct Character {
  std::string_view name;
  bool female = false;
};

struct Plot {
  size_t trouble = 0, item = 0, remedy = 0;
  std::vector<size_t> attempts;  // indices into Trouble::attempts, in the order in which they fail
  Character hero, friendly;
  std::string_view home, colour;
};

struct Story {
  std::string text;  // ASCII; paragraphs are separated by an empty line
  Plot plot;
  std::vector<Character> cast;  // hero and friend first; only they are spoken of with pronouns
};

// Const calls may run on any thread. All of it is a pure function of (seed, level, split, number).
class StoryGenerator {
 public:
  // level 0 .. 4; throws Error(config) otherwise.
  StoryGenerator(uint64_t seed, int level, Split split = Split::train);

  // Appends story `number`, counted from 0, to `out`.
  void write(uint64_t number, std::string& out) const;
  Story story(uint64_t number) const;
  // Plots at this level and split; from this document number on plots come again, in other words.
  uint64_t num_plots() const { return order_.size(); }
  // Number of a story's plot among all plots of the level; of ten in a row the last one is held out.
  uint64_t plot_number(uint64_t number) const;

 private:
  Plot plot_of(uint64_t number) const;
  void expand(const Plot& plot, uint64_t number, std::string& out, std::vector<Character>* cast) const;

  uint64_t seed_;
  int level_;
  Split split_;
  Permutation order_;
};

}  // namespace espalier::generate
