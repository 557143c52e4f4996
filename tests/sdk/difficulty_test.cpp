// Scorers by length and by compression: values, bias, and properties that hold for any text.
#include <algorithm>
#include <cmath>
#include <random>

#include "catch.h"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;

namespace {

std::vector<float> scores(const Object& scorer, const std::vector<std::string>& texts) {
  const DocsOf docs(texts);
  std::vector<float> out(texts.size(), -1);
  call_ok(scorer.table<esp_difficulty>().score, scorer.self(), docs.raw(), out.data());
  return out;
}

float score(const Object& scorer, const std::string& text) {
  return scores(scorer, {text})[0];
}

/// Text of `num_words` words drawn from a small vocabulary.
std::string random_words(std::mt19937& random, std::size_t num_words, unsigned vocabulary) {
  std::string text;
  for (std::size_t i = 0; i < num_words; ++i) {
    std::mt19937 spelling(static_cast<unsigned>(random()) % vocabulary);
    for (unsigned letters = 3 + static_cast<unsigned>(spelling()) % 5; letters > 0; --letters) {
      text += static_cast<char>('a' + spelling() % 26);
    }
    text += ' ';
  }
  return text;
}

}  // namespace

TEST_CASE("length counts bytes or words on a log scale", "[sdk][difficulty][length]") {
  PluginLibrary library(plugin_path("length"));
  const Object bytes = library.create();
  CHECK(score(bytes, "") == 0);
  CHECK(score(bytes, "abc") == Approx(std::log(4)));
  CHECK(score(bytes, std::string(1000000, 'x')) == Approx(std::log(1000001)));
  const Object words = library.create({{"unit", "\"words\""}});
  CHECK(score(words, "") == 0);
  CHECK(score(words, " \t\n ") == 0);
  CHECK(score(words, "one") == Approx(std::log(2)));
  CHECK(score(words, "  one two\nthree\t") == Approx(std::log(4)));
}

TEST_CASE("what compresses less is harder", "[sdk][difficulty][compression]") {
  PluginLibrary library(plugin_path("compression"));
  const Object scorer = library.create();
  std::mt19937 random(1);
  const float repeated = score(scorer, std::string(4096, 'a'));
  const float few_words = score(scorer, random_words(random, 800, 20));
  const float many_words = score(scorer, random_words(random, 800, 4000));
  const float noise = score(scorer, random_bytes(random, 4096));
  CHECK(repeated < 0.05f);
  CHECK(repeated < few_words);
  CHECK(few_words < many_words);
  CHECK(many_words < noise);
  CHECK(noise == Approx(1).margin(0.01));
  CHECK(score(scorer, random_bytes(random, 64)) == Approx(1).margin(0.02));  // the frame's fixed bytes are not counted
}

TEST_CASE("windows keep long documents from looking easier than short ones", "[sdk][difficulty][compression]") {
  PluginLibrary library(plugin_path("compression"));
  const Object windowed = library.create();
  const Object whole = library.create({{"window", "0"}});
  std::mt19937 random(2);
  const std::string longer = random_words(random, 20000, 2000);
  const std::string shorter = longer.substr(0, 2048);
  CHECK(std::abs(score(windowed, longer) - score(windowed, shorter)) < 0.03f);
  CHECK(score(whole, shorter) - score(whole, longer) > 0.1f);
}

TEST_CASE("documents too short to judge get NaN", "[sdk][difficulty][compression]") {
  PluginLibrary library(plugin_path("compression"));
  const Object scorer = library.create();
  CHECK(std::isnan(score(scorer, "")));
  CHECK(std::isnan(score(scorer, std::string(63, 'x'))));
  CHECK_FALSE(std::isnan(score(scorer, std::string(64, 'x'))));
}

TEST_CASE("scores depend on the document alone", "[sdk][difficulty]") {
  for (const std::string name : {"length", "compression"}) {
    PluginLibrary library(plugin_path(name));
    const Object scorer = library.create();
    std::mt19937 random(3);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 40; ++i) texts.push_back(random_words(random, 1 + random() % 400, 500));
    for (std::size_t i = 0; i < 20; ++i) texts.push_back(random_bytes(random, 64 + random() % 3000));  // invalid UTF-8
    const std::vector<float> together = scores(scorer, texts);
    std::vector<std::size_t> order(texts.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<std::string> shuffled;
    for (const std::size_t i : order) shuffled.push_back(texts[i]);
    const std::vector<float> apart = scores(scorer, shuffled);
    for (std::size_t i = 0; i < order.size(); ++i) {
      INFO(name << " document " << order[i]);
      const float expected = together[order[i]];
      CHECK((std::isnan(expected) ? std::isnan(apart[i]) : apart[i] == expected));
      CHECK((std::isnan(expected) || std::isfinite(expected)));
    }
  }
}

TEST_CASE("damaged UTF-8 and huge documents are scored like any other", "[sdk][difficulty]") {
  for (const std::string name : {"length", "compression"}) {
    PluginLibrary library(plugin_path(name));
    const Object scorer = library.create();
    CHECK(std::isfinite(score(scorer, std::string(100, '\xFF'))));
    CHECK(std::isfinite(score(scorer, std::string(100, '\0'))));
    CHECK(std::isfinite(score(scorer, std::string(3000000, 'y'))));
    CHECK(scores(scorer, {}).empty());
  }
}
