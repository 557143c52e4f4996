#include "core/data/generate/grammar.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"

namespace espalier::generate {
namespace {

[[noreturn]] void bad_template(const std::string& what, std::string_view text) {
  throw Error(ErrorCode::internal, "grammar: " + what, std::string(text));
}

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const size_t end = std::min(words.find('|'), words.size());
    out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

template <class Table>
uint32_t find_named(const Table& table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(), [&](const auto& item) { return item.name == name; });
  return it == table.end() ? UINT32_MAX : static_cast<uint32_t>(it - table.begin());
}

}  // namespace

bool takes_an(std::string_view word) {
  constexpr std::string_view kSilentH[] = {"hour", "honest", "honour", "heir"};
  constexpr std::string_view kConsonantSound[] = {"uni", "use", "usual", "eu", "one", "once", "ubiq"};
  const auto begins = [&](std::string_view prefix) { return word.substr(0, prefix.size()) == prefix; };
  if (std::any_of(std::begin(kSilentH), std::end(kSilentH), begins)) return true;
  if (begins("unin") || begins("unim")) return true;  // un-: unintended, unimpressed
  if (std::any_of(std::begin(kConsonantSound), std::end(kConsonantSound), begins)) return false;
  return !word.empty() && std::string_view("aeiouAEIOU").find(word[0]) != std::string_view::npos;
}

Grammar::Grammar(std::span<const Rule> rules, std::span<const WordList> lists, std::span<const std::string_view> slots)
    : slots_(slots.begin(), slots.end()) {
  for (const WordList& list : lists) {
    CompiledList compiled{list.name, split_words(list.words), list.sizes};
    for (size_t& size : compiled.sizes) size = std::min(size, compiled.words.size());
    lists_.push_back(std::move(compiled));
  }
  for (const Rule& rule : rules)
    if (find_named(rules_, rule.name) == UINT32_MAX) rules_.push_back({rule.name, {}});
  for (const Rule& rule : rules) {
    const TemplateId id = compile(rule.text);
    CompiledRule& compiled = rules_[find_named(rules_, rule.name)];
    for (int level = rule.lowest; level <= rule.highest; ++level)
      compiled.alternatives[static_cast<size_t>(level)].push_back(id);
  }
}

Grammar::TemplateId Grammar::compile(std::string_view text) {
  std::vector<Piece> pieces;
  const std::string_view whole = text;
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    if (open > 0) pieces.push_back({Kind::literal, false, 0, text.substr(0, open)});
    text.remove_prefix(open);
    if (text.empty()) break;
    const size_t close = text.find('}');
    if (close == std::string_view::npos) bad_template("'{' without '}'", whole);
    pieces.push_back(symbol(text.substr(1, close - 1), whole));
    text.remove_prefix(close + 1);
  }
  templates_.push_back(std::move(pieces));
  return static_cast<TemplateId>(templates_.size() - 1);
}

Grammar::Piece Grammar::symbol(std::string_view name, std::string_view text) const {
  if (name.empty()) bad_template("empty symbol", text);
  std::string plain(name);
  const bool capital = plain[0] >= 'A' && plain[0] <= 'Z';
  if (capital) plain[0] = static_cast<char>(plain[0] - 'A' + 'a');
  if (plain == "a") return {Kind::article, capital, 0, {}};
  if (const auto it = std::find(slots_.begin(), slots_.end(), plain); it != slots_.end())
    return {Kind::slot, capital, static_cast<uint32_t>(it - slots_.begin()), {}};
  if (const uint32_t list = find_named(lists_, plain); list != UINT32_MAX) return {Kind::words, capital, list, {}};
  if (const uint32_t rule = find_named(rules_, plain); rule != UINT32_MAX) return {Kind::rule, capital, rule, {}};
  bad_template("no slot, list or rule '" + plain + "'", text);
}

uint32_t Grammar::slot(std::string_view name) const {
  const auto it = std::find(slots_.begin(), slots_.end(), name);
  if (it == slots_.end()) bad_template("no slot", name);
  return static_cast<uint32_t>(it - slots_.begin());
}

uint32_t Grammar::rule(std::string_view name) const {
  const uint32_t index = find_named(rules_, name);
  if (index == UINT32_MAX) bad_template("no rule", name);
  return index;
}

std::span<const std::string_view> Grammar::words(std::string_view list, int level) const {
  const uint32_t index = find_named(lists_, list);
  if (index == UINT32_MAX) bad_template("no word list", list);
  return std::span(lists_[index].words).first(lists_[index].sizes[static_cast<size_t>(level)]);
}

Expansion::Expansion(const Grammar& grammar, int level, Draws& draws, std::string& out)
    : grammar_(grammar),
      level_(static_cast<size_t>(level)),
      draws_(draws),
      out_(out),
      bindings_(grammar.slots_.size()),
      rule_walks_(grammar.rules_.size()),
      list_walks_(grammar.lists_.size()) {}

void Expansion::sentence(uint32_t rule) {
  if (!out_.empty() && out_.back() != ' ' && out_.back() != '\n') out_ += ' ';
  expand_rule(rule, false);
}

// The walk's start and stride are the only random numbers that a rule or list costs in a document.
uint32_t Expansion::choose(Walk& walk, size_t size) {
  const auto bound = static_cast<uint32_t>(size);
  if (bound < 2) return 0;
  if (walk.stride == 0) {
    walk.next = draws_.below(bound);
    walk.stride = 1 + draws_.below(bound - 1);
    while (std::gcd(walk.stride, bound) != 1) walk.stride = walk.stride % bound + 1;
  }
  const uint32_t chosen = walk.next;
  walk.next = (walk.next + walk.stride) % bound;
  return chosen;
}

void Expansion::expand_rule(uint32_t rule, bool capital) {
  const auto& alternatives = grammar_.rules_[rule].alternatives[level_];
  if (alternatives.empty()) bad_template("no alternative at this level", grammar_.rules_[rule].name);
  expand(alternatives[choose(rule_walks_[rule], alternatives.size())], capital);
}

void Expansion::expand(Grammar::TemplateId id, bool capital) {
  for (const Grammar::Piece& piece : grammar_.templates_[id]) {
    const bool raise = capital || piece.capital;
    capital = false;
    switch (piece.kind) {
      case Grammar::Kind::literal:
        emit(piece.literal, raise);
        break;
      case Grammar::Kind::slot:
        if (const Binding& binding = bindings_[piece.index]; binding.id != kNoTemplate)
          expand(binding.id, raise);
        else
          emit(binding.text, raise);
        break;
      case Grammar::Kind::words: {
        const auto& list = grammar_.lists_[piece.index];
        emit(list.words[choose(list_walks_[piece.index], list.sizes[level_])], raise);
        break;
      }
      case Grammar::Kind::rule:
        expand_rule(piece.index, raise);
        break;
      case Grammar::Kind::article:
        out_ += raise ? 'A' : 'a';
        after_article_ = true;
        break;
    }
  }
}

void Expansion::emit(std::string_view text, bool capital) {
  if (text.empty()) return;
  if (after_article_ && text != " ") {
    // The article stands before the space: "a" + " " + word.
    const std::string_view word = text[0] == ' ' ? text.substr(1) : text;
    if (takes_an(word)) out_.insert(out_.back() == ' ' ? out_.size() - 1 : out_.size(), 1, 'n');
    after_article_ = false;
  }
  const size_t at = out_.size();
  out_ += text;
  if (capital) out_[at] = static_cast<char>(std::toupper(static_cast<unsigned char>(out_[at])));
}

}  // namespace espalier::generate
