// Stories: determinism, distinct plots, and that what is written is well-formed English of the level asked for.
#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <thread>
#include <unordered_set>

#include "catch.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/data/generate/story.h"
#include "core/data/generate/story_tables.h"

using namespace espalier;
using namespace espalier::generate;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '\'' || (c == '-' && !word.empty())) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(word);
      word.clear();
    }
  }
  return words;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> paragraphs_of(const std::string& text) {
  std::vector<std::string> out;
  size_t from = 0;
  for (size_t end; (end = text.find("\n\n", from)) != std::string::npos; from = end + 2)
    out.push_back(text.substr(from, end - from));
  out.push_back(text.substr(from));
  return out;
}

// The article that this test expects before a word, from a list of exceptions of its own.
bool expects_an(const std::string& word) {
  static const std::set<std::string> vowel_spelling_consonant_sound = {"eucalyptus", "euphoric", "used",
                                                                       "useful",     "unicorn",  "one"};
  static const std::set<std::string> silent_h = {"honest", "honesty", "hour", "hourglass", "heirloom"};
  if (silent_h.contains(word)) return true;
  if (vowel_spelling_consonant_sound.contains(word)) return false;
  return std::string("aeiou").find(word[0]) != std::string::npos;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("stories do not change between versions without notice", "[generate][story]") {
  // Made by this generator when its grammar was written and read by a person; a change of grammar or words changes it.
  std::string all;
  for (int level = 0; level < kLevels; ++level)
    for (uint64_t number = 0; number < 3; ++number) StoryGenerator(1, level).write(number, all);
  CHECK(sha256_bytes(all) == "a58d75b6198f1baede3cfa45a00c8f1fbe029f9d8bc5a6220b153fdfedb18637");
}

TEST_CASE("a story depends on seed, level, split and number alone", "[generate][story]") {
  const StoryGenerator generator(7, 2);
  std::vector<std::string> forward, backward(200), threaded(200);
  for (uint64_t i = 0; i < 200; ++i) forward.push_back(generator.story(i).text);
  for (uint64_t i = 200; i-- > 0;) StoryGenerator(7, 2).write(i, backward[i]);
  {
    std::vector<std::jthread> threads;
    for (uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (uint64_t i = t; i < 200; i += 4) generator.write(i, threaded[i]);
      });
  }
  CHECK(forward == backward);
  CHECK(forward == threaded);
  CHECK(StoryGenerator(8, 2).story(0).text != forward[0]);
  CHECK(StoryGenerator(7, 1).story(0).text != forward[0]);
  CHECK(StoryGenerator(7, 2, Split::heldout).story(0).text != forward[0]);
  CHECK(generator.story(generator.num_plots()).plot.home == generator.story(0).plot.home);  // the plot comes again,
  CHECK(generator.story(generator.num_plots()).text != forward[0]);                         // in other words
}

TEST_CASE("no story comes twice, and held-out plots are never trained on", "[generate][story]") {
  for (int level = 0; level < kLevels; ++level) {
    const StoryGenerator train(1, level), other_seed(2, level), held_out(2, level, Split::heldout);
    CHECK(train.num_plots() > 1000000);
    std::unordered_set<std::string> texts;
    const auto key = [](const Plot& plot) {
      std::string out =
          std::to_string(plot.trouble) + "," + std::to_string(plot.item) + "," + std::to_string(plot.remedy) + ",";
      for (const size_t attempt : plot.attempts) out += std::to_string(attempt);
      return out + "," + std::string(plot.hero.name) + "," + std::string(plot.friendly.name) + "," +
             std::string(plot.home) + "," + std::string(plot.colour);
    };
    std::unordered_set<std::string> plots;
    const uint64_t count = level < 3 ? 10000 : 3000;  // long texts: a third is enough for quick tests
    for (uint64_t i = 0; i < count; ++i) {
      Story story = train.story(i);
      CHECK(plots.insert(key(story.plot)).second);
      if (!texts.insert(std::move(story.text)).second)
        FAIL("level " << level << " document " << i << " is a duplicate");
    }
    size_t shared_with_other_seed = 0;
    for (uint64_t i = 0; i < count / 2; ++i) {
      CHECK_FALSE(plots.contains(key(held_out.story(i).plot)));
      shared_with_other_seed += texts.contains(other_seed.story(i).text);
    }
    CHECK(shared_with_other_seed == 0);
  }
}

TEST_CASE("one plot in ten is held out, whatever the seed", "[generate][story]") {
  for (int level = 0; level < kLevels; ++level) {
    const StoryGenerator train(1, level), held_out(2, level, Split::heldout);
    CHECK(held_out.num_plots() * 9 == train.num_plots());
    std::unordered_set<uint64_t> seen;
    bool apart = true;
    for (uint64_t i = 0; i < 20000; ++i) {
      apart = apart && train.plot_number(i) % 10 != 9 && held_out.plot_number(i) % 10 == 9;
      apart = apart && seen.insert(train.plot_number(i)).second && seen.insert(held_out.plot_number(i)).second;
    }
    CHECK(apart);
    CHECK(train.plot_number(train.num_plots()) == train.plot_number(0));
  }
}

TEST_CASE("the first ten thousand stories of a mixed file are distinct", "[generate][story]") {
  std::set<std::string> hashes;
  std::string text;
  for (int level = 0; level < kLevels; ++level) {
    const StoryGenerator generator(1234, level);
    for (uint64_t i = 0; i < 2000; ++i) {
      text.clear();
      generator.write(i, text);
      hashes.insert(sha256_bytes(text));
    }
  }
  CHECK(hashes.size() == 10000);
}

TEST_CASE("stories are well-formed", "[generate][story]") {
  for (int level = 0; level < kLevels; ++level) {
    for (uint64_t number = 0; number < 300; ++number) {
      const Story story = StoryGenerator(5, level).story(number);
      const std::string& text = story.text;
      INFO("level " << level << ", story " << number << ":\n" << text);
      for (const char* bad : {"  ", " .", " ,", "..", "{", "}", "\n\n\n", " \n", "\n ", ",,", ",.", "|", "''", " a a "})
        REQUIRE(text.find(bad) == std::string::npos);
      for (const char c : text) REQUIRE((c == '\n' || (c >= ' ' && c <= '~')));
      for (const std::string& paragraph : paragraphs_of(text)) {
        REQUIRE(std::count(paragraph.begin(), paragraph.end(), '"') % 2 == 0);
        const std::string ends = paragraph.substr(paragraph.size() - 1);
        REQUIRE(std::string(".!?\"").find(ends) != std::string::npos);
        if (ends == "\"") REQUIRE(std::string(".!?").find(paragraph[paragraph.size() - 2]) != std::string::npos);
        REQUIRE((std::isupper(static_cast<unsigned char>(paragraph[0])) || paragraph[0] == '"'));
        // A full stop, and a space, are followed by a capital or by an opening quotation mark and a capital.
        for (size_t at = 0; (at = paragraph.find(". ", at)) != std::string::npos; ++at) {
          const size_t next = at + 2 + (paragraph[at + 2] == '"');
          REQUIRE(std::isupper(static_cast<unsigned char>(paragraph[next])));
        }
      }
      static const std::regex twice(R"(\b([A-Za-z]+) \1\b)");
      for (std::sregex_iterator it(text.begin(), text.end(), twice), end; it != end; ++it) {
        INFO(it->str());
        REQUIRE((it->str(1) == "that" || it->str(1) == "had"));
      }
      const std::vector<std::string> words = words_of(text);
      for (size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string article = lower(words[i]), next = lower(words[i + 1]);
        if (article == "a" || article == "an") {
          INFO(words[i] << " " << words[i + 1]);
          REQUIRE((article == "an") == expects_an(next));
        }
      }
    }
  }
}

TEST_CASE("plurals of listed words are regular", "[generate][story]") {
  // The grammar writes {trade}s and {creature}s: no word may end so that "s" alone is wrong.
  for (const WordList& list : story_words()) {
    if (list.name != "trade" && list.name != "creature" && list.name != "girl" && list.name != "boy") continue;
    std::string words(list.words);
    words += '|';
    for (size_t from = 0, end; (end = words.find('|', from)) != std::string::npos; from = end + 1) {
      const std::string word = words.substr(from, end - from);
      INFO(word);
      REQUIRE_FALSE(word.empty());
      if (list.name == "girl" || list.name == "boy") continue;
      for (const std::string ending : {"s", "x", "z", "ch", "sh", "man", "fe", "mouse", "child"})
        CHECK_FALSE(word.ends_with(ending));
      if (word.back() == 'y') CHECK(std::string("aeiou").find(word[word.size() - 2]) != std::string::npos);
    }
  }
}

TEST_CASE("pronouns belong to the hero and the friend", "[generate][story]") {
  const std::set<std::string> female = {"she", "her", "herself", "hers"}, male = {"he", "him", "his", "himself"};
  size_t checked = 0;
  for (int level = 0; level < kLevels; ++level) {
    for (uint64_t number = 0; number < 400; ++number) {
      const Story story = StoryGenerator(9, level).story(number);
      REQUIRE(story.cast[0].name == story.plot.hero.name);
      REQUIRE(story.cast[1].name == story.plot.friendly.name);
      std::set<std::string_view> names;
      for (const Character& character : story.cast) {
        CHECK(names.insert(character.name).second);
        INFO(character.name << "\n" << story.text);
        CHECK(story.text.find(character.name) != std::string::npos);
      }
      if (story.cast[0].female != story.cast[1].female) continue;
      const auto& wrong = story.cast[0].female ? male : female;
      for (const std::string& word : words_of(story.text)) {
        INFO(word << " in level " << level << ", story " << number << ":\n" << story.text);
        REQUIRE_FALSE(wrong.contains(lower(word)));
      }
      ++checked;
    }
  }
  CHECK(checked > 800);
}

TEST_CASE("a story has a wish, a trouble, attempts, a remedy and an end", "[generate][story]") {
  for (int level = 0; level < 3; ++level) {  // whose clauses hold no words that are drawn
    for (uint64_t number = 0; number < 200; ++number) {
      const Story story = StoryGenerator(3, level).story(number);
      const Trouble& trouble = story_troubles()[story.plot.trouble];
      const std::string text = lower(story.text);
      const auto filled = [&](std::string_view clause) {
        std::string out(clause);
        std::string items(trouble.items);
        for (size_t i = 0; i < story.plot.item; ++i) items = items.substr(items.find('|') + 1);
        const std::map<std::string, std::string> slots = {{"{item}", items.substr(0, items.find('|'))},
                                                          {"{hero}", std::string(story.plot.hero.name)},
                                                          {"{friend}", std::string(story.plot.friendly.name)},
                                                          {"{his}", story.plot.hero.female ? "her" : "his"}};
        for (const auto& [slot, value] : slots)
          for (size_t at; (at = out.find(slot)) != std::string::npos;) out.replace(at, slot.size(), value);
        return lower(out);
      };
      INFO(story.text);
      size_t at = text.find(filled(trouble.trouble));
      REQUIRE(at != std::string::npos);
      for (const size_t attempt : story.plot.attempts) {
        at = text.find(filled(trouble.attempts[attempt].did), at);
        REQUIRE(at != std::string::npos);
        at = text.find(filled(trouble.attempts[attempt].failed), at);
        REQUIRE(at != std::string::npos);
      }
      at = text.find(filled(trouble.remedies[story.plot.remedy].together), at);
      REQUIRE(at != std::string::npos);
      REQUIRE(text.find(filled(trouble.want)) < at);
      REQUIRE(text.find(filled(trouble.want), at) != std::string::npos);  // the wish comes true
    }
  }
}

TEST_CASE("what a level controls rises with it", "[generate][story]") {
  std::vector<double> last = {0, 0, 0, 0};
  std::unordered_set<std::string> below;
  for (int level = 0; level < kLevels; ++level) {
    std::vector<double> bytes, sentence_words, letters;
    std::unordered_set<std::string> vocabulary;
    for (uint64_t number = 0; number < 300; ++number) {
      const std::string text = StoryGenerator(11, level).story(number).text;
      const auto words = words_of(text);
      const auto sentences =
          std::count_if(text.begin(), text.end(), [](char c) { return c == '.' || c == '!' || c == '?'; });
      size_t total = 0;
      for (const std::string& word : words) {
        total += word.size();
        vocabulary.insert(lower(word));
      }
      bytes.push_back(static_cast<double>(text.size()));
      sentence_words.push_back(static_cast<double>(words.size()) / static_cast<double>(sentences));
      letters.push_back(static_cast<double>(total) / static_cast<double>(words.size()));
    }
    const std::vector<double> now = {mean(bytes), mean(sentence_words), mean(letters),
                                     static_cast<double>(vocabulary.size())};
    for (size_t i = 0; i < now.size(); ++i) {
      INFO("level " << level << ", property " << i);
      CHECK(now[i] > 1.05 * last[i]);
    }
    CHECK(*std::min_element(bytes.begin(), bytes.end()) >= 1024);  // a window of the compression scorer
    last = now;
  }
}

TEST_CASE("wrong arguments and wrong templates are refused", "[generate]") {
  CHECK_THROWS_AS(StoryGenerator(1, -1), Error);
  CHECK_THROWS_AS(StoryGenerator(1, kLevels), Error);
  const WordList lists[] = {{"noun", {1, 2, 3, 4, 99}, "oak|house|unit|hour|eel"}};
  const std::string_view slots[] = {"name"};
  const Rule unknown[] = {{"s", 0, 4, "{nothing}"}}, open[] = {{"s", 0, 4, "{noun"}};
  CHECK_THROWS_AS(Grammar(unknown, lists, slots), Error);
  CHECK_THROWS_AS(Grammar(open, lists, slots), Error);
  const Rule high[] = {{"s", 2, 4, "{A} {noun} and {a} big {noun}, {name}."}};
  const Grammar grammar(high, lists, slots);
  Draws draws(1, "test", 0);
  std::string out;
  Expansion low(grammar, 1, draws, out);
  CHECK_THROWS_AS(low.sentence(grammar.rule("s")), Error);
  Expansion expansion(grammar, 4, draws, out);
  expansion.bind(grammar.slot("name"), std::string_view("Mia"));
  std::set<std::string> seen;
  for (int i = 0; i < 5; ++i) {  // two nouns each: all five before one comes again
    out.clear();
    expansion.sentence(grammar.rule("s"));
    const std::string noun = out.substr(out.find(' ') + 1, out.find(" and") - out.find(' ') - 1);
    seen.insert(noun);
    const bool an = noun == "oak" || noun == "hour" || noun == "eel";
    CHECK(out.starts_with(an ? "An " : "A "));
    CHECK(out.ends_with(", Mia."));
  }
  CHECK(seen.size() == 5);
}
