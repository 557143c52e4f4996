// A context-free grammar over text whose alternatives and words depend on a level of difficulty.
//
// A template is text with symbols in braces. A symbol is a *slot* (bound by the caller for one document: a name, a
// pronoun, a clause), a *word list* or a *rule*, found by its name in this order. A capital first letter, {Adj}, makes
// the first letter of what it stands for a capital. {a} is the indefinite article, "a" or "an" by the next letter.
// Within one document a rule or list repeats a choice only when all of its choices have been used.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/generate/draws.h"

namespace espalier::generate {

inline constexpr int kLevels = 5;  // levels of difficulty: 0 .. 4

// One alternative of the rule `name`, used at levels lowest .. highest.
struct Rule {
  std::string_view name;
  int lowest, highest;
  std::string_view text;
};

// Words separated by '|', plain ones first: level L draws from the first `sizes[L]` words, or all where there are
// fewer.
struct WordList {
  std::string_view name;
  std::array<size_t, kLevels> sizes;
  std::string_view words;
};

class Grammar {
 public:
  // Compiles all templates. The tables' texts must outlive the grammar. An unknown symbol, an unclosed brace or a rule
  // without an alternative at a level where it is used is our own bug and throws Error(internal) naming the template.
  Grammar(std::span<const Rule> rules, std::span<const WordList> lists, std::span<const std::string_view> slots);

  // A template of the caller, compiled with the grammar's symbols.
  using TemplateId = uint32_t;
  TemplateId compile(std::string_view text);
  uint32_t slot(std::string_view name) const;
  uint32_t rule(std::string_view name) const;
  size_t num_slots() const { return slots_.size(); }
  // The words of a list that a level may use.
  std::span<const std::string_view> words(std::string_view list, int level) const;

 private:
  friend class Expansion;
  enum class Kind : uint8_t { literal, slot, words, rule, article };
  struct Piece {
    Kind kind;
    bool capital = false;
    uint32_t index = 0;        // of the slot, list or rule
    std::string_view literal;  // for Kind::literal
  };
  struct CompiledRule {
    std::string_view name;
    std::array<std::vector<TemplateId>, kLevels> alternatives;
  };
  struct CompiledList {
    std::string_view name;
    std::vector<std::string_view> words;
    std::array<size_t, kLevels> sizes;
  };

  Piece symbol(std::string_view name, std::string_view text) const;

  std::vector<std::string_view> slots_;
  std::vector<CompiledList> lists_;
  std::vector<CompiledRule> rules_;
  std::vector<std::vector<Piece>> templates_;
};

// The expansion of one document: its bindings and which choices were made so far. For one thread.
class Expansion {
 public:
  Expansion(const Grammar& grammar, int level, Draws& draws, std::string& out);

  void bind(uint32_t slot, std::string_view text) { bindings_[slot] = {text, kNoTemplate}; }
  void bind(uint32_t slot, Grammar::TemplateId id) { bindings_[slot] = {{}, id}; }
  // Appends one alternative of the rule, after a space unless the text ends in white space or is empty.
  void sentence(uint32_t rule);
  void paragraph() { out_ += "\n\n"; }

 private:
  static constexpr Grammar::TemplateId kNoTemplate = UINT32_MAX;
  struct Binding {
    std::string_view text;
    Grammar::TemplateId id = kNoTemplate;
  };
  // A walk over `size` choices that meets all of them before it meets one again.
  struct Walk {
    uint32_t next = 0, stride = 0;
  };

  uint32_t choose(Walk& walk, size_t size);
  void expand(Grammar::TemplateId id, bool capital);
  void expand_rule(uint32_t rule, bool capital);
  void emit(std::string_view text, bool capital);

  const Grammar& grammar_;
  size_t level_;
  Draws& draws_;
  std::string& out_;
  bool after_article_ = false;
  std::vector<Binding> bindings_;
  std::vector<Walk> rule_walks_, list_walks_;
};

// Whether the word begins with a vowel sound, as far as spelling tells for the words of our tables.
bool takes_an(std::string_view word);

}  // namespace espalier::generate
