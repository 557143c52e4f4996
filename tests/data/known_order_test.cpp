// Text of known difficulty, and whether the shipped scorers put it in the known order: Spearman's rank correlation of
// score and level at least 0.9 on stories, and on the problems whose axis a scorer claims to see.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>

#include "catch.h"
#include "core/data/generate/jsonl_output.h"
#include "core/data/generate/primitives.h"
#include "core/data/generate/story.h"
#include "sdk/loaded_plugin.h"
#include "support/temp_dir.h"

using namespace espalier;
using namespace espalier::generate;
using namespace espalier::sdk_test;

namespace {

struct Labelled {
  std::vector<std::string> texts;
  std::vector<double> levels;
};

// Documents of every level, `each` bytes or a little more of a level: as many easy words as hard ones.
Labelled stories(Split split, size_t each) {
  Labelled out;
  for (int level = 0; level < kLevels; ++level) {
    const StoryGenerator generator(1, level, split);
    size_t size = 0;
    for (uint64_t i = 0; size < each; ++i) {
      out.texts.push_back(generator.story(i).text);
      out.levels.push_back(level);
      size += out.texts.back().size();
    }
  }
  return out;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t i = 0, j; i < order.size(); i = j) {
    for (j = i; j < order.size() && values[order[j]] == values[order[i]];) ++j;
    for (size_t k = i; k < j; ++k) out[order[k]] = (static_cast<double>(i + j) - 1) / 2;  // ties share their mean rank
  }
  return out;
}

// Pearson's correlation of the ranks. With equal ranks inside each of five levels it cannot exceed sqrt(24/25) = 0.98.
double spearman(const std::vector<double>& a, const std::vector<double>& b) {
  const auto x = ranks(a), y = ranks(b);
  const double middle = (static_cast<double>(x.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) * (x[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  return xy / std::sqrt(xx * yy);
}

// A scorer of a shipped plugin, fitted on `fit` where it wants to be.
std::vector<double> scores(const std::string& plugin, const FakeConfig::Overrides& params, const Labelled& fit,
                           const Labelled& data) {
  PluginLibrary library(plugin_path(plugin));
  const Object scorer = library.create(params);
  const auto& table = scorer.table<esp_difficulty>();
  const auto with_docs = [](const std::vector<std::string>& texts, const std::function<void(const esp_docs*)>& use) {
    std::vector<uint64_t> ids(texts.size());
    std::vector<int64_t> offsets = {0};
    std::string all;
    for (const std::string& text : texts) {
      all += text;
      offsets.push_back(static_cast<int64_t>(all.size()));
    }
    esp_docs docs{};
    docs.struct_size = sizeof(esp_docs);
    docs.count = texts.size();
    docs.ids = ids.data();
    docs.text = all.data();
    docs.text_offsets = offsets.data();
    use(&docs);
  };
  if ((table.needs & ESP_NEEDS_FIT) != 0) {
    with_docs(fit.texts, [&](const esp_docs* docs) { call_ok(table.fit_batch, scorer.self(), docs); });
    call_ok(table.fit_end, scorer.self());
  }
  std::vector<float> out(data.texts.size());
  with_docs(data.texts, [&](const esp_docs* docs) { call_ok(table.score, scorer.self(), docs, out.data()); });
  for (const float score : out) REQUIRE(std::isfinite(score));
  return {out.begin(), out.end()};
}

// The first `count` documents of each level.
Labelled first_of_each(const Labelled& all, size_t count) {
  Labelled out;
  std::vector<size_t> taken(kLevels);
  for (size_t i = 0; i < all.texts.size(); ++i) {
    if (taken[static_cast<size_t>(all.levels[i])]++ >= count) continue;
    out.texts.push_back(all.texts[i]);
    out.levels.push_back(all.levels[i]);
  }
  return out;
}

std::string quoted(const std::filesystem::path& path) {
  return "\"" + path.string() + "\"";
}

void write_texts(const std::filesystem::path& path, const Labelled& data, double level) {
  std::string lines;
  for (size_t i = 0; i < data.texts.size(); ++i) {
    if (data.levels[i] != level) continue;
    lines += "{\"text\":";
    append_json_string(lines, data.texts[i]);
    lines += "}\n";
  }
  std::ofstream(path) << lines;
}

struct Case {
  std::string plugin;
  FakeConfig::Overrides params;
};

}  // namespace

TEST_CASE("rank correlation of known values", "[known-order]") {
  CHECK(spearman({1, 2, 3, 4}, {10, 20, 30, 40}) == Approx(1));
  CHECK(spearman({1, 2, 3, 4}, {4, 3, 2, 1}) == Approx(-1));
  // By hand: ranks 0 1.5 1.5 3 4 and 1 0 2.5 2.5 4; covariance 7.25, both variances 9.5.
  CHECK(spearman({1, 2, 2, 3, 5}, {3, 1, 4, 4, 9}) == Approx(7.25 / 9.5));
}

TEST_CASE("every text scorer recovers the level of stories", "[known-order]") {
  const TempDir dir;
  const Labelled fit = stories(Split::train, 300000), data = first_of_each(stories(Split::heldout, 450000), 40);
  REQUIRE(data.texts.size() == 40 * kLevels);
  const Labelled examples = first_of_each(stories(Split::train, 1100000), 100);
  write_texts(dir.path() / "easy.jsonl", examples, 0);
  write_texts(dir.path() / "hard.jsonl", examples, 4);
  const std::vector<Case> cases = {
      {"length", {}},
      {"length", {{"unit", "\"words\""}}},
      {"compression", {}},
      {"compression", {{"window", "512"}}},
      {"readability", {}},
      {"readability", {{"formula", "\"dale-chall\""}}},
      {"readability", {{"formula", "\"gunning-fog\""}}},
      {"lexical-diversity", {}},
      // A window of 50 words, the default, is shorter than the distance at which hard stories repeat themselves less.
      {"lexical-diversity", {{"measure", "\"mattr\""}, {"window", "200"}}},
      {"rarity", {}},
      {"ngram-lm", {{"reference", quoted(dir.path() / "easy.jsonl")}}},
      {"quality", {{"positive", quoted(dir.path() / "hard.jsonl")}, {"negative", quoted(dir.path() / "easy.jsonl")}}},
  };
  for (const Case& item : cases) {
    std::string label = item.plugin;
    for (const auto& [key, value] : item.params) label += " " + key + "=" + value.substr(0, 20);
    INFO(label);
    const double found = spearman(data.levels, scores(item.plugin, item.params, fit, data));
    UNSCOPED_INFO("spearman " << found);
    CHECK(found >= 0.9);
  }
}

// The axis of novelty is how much of a document stands nowhere else, which has nothing to do with its level: documents
// of ten parts, of which `known` stand in other documents too.
TEST_CASE("dedup-novelty recovers the share of text that is new", "[known-order]") {
  const StoryGenerator common(1, 3), fresh(2, 3);
  Labelled data;
  uint64_t next = 0;
  for (uint64_t document = 0; document < 110; ++document) {
    const uint64_t known = document % 11;
    std::string text;
    for (uint64_t part = 0; part < 10; ++part) {
      const std::string story = (part < known ? common.story(part) : fresh.story(next++)).text;
      text += story.substr(0, 400) + "\n";
    }
    data.texts.push_back(std::move(text));
    data.levels.push_back(10 - static_cast<double>(known));
  }
  const double found = spearman(data.levels, scores("dedup-novelty", {}, data, data));
  INFO("spearman " << found);
  CHECK(found >= 0.9);
}

// Problems have an exact axis each; only scorers that can see it are held to it.
TEST_CASE("scorers recover the axes of problems that they can see", "[known-order]") {
  const auto problems = [](Task task) {
    Labelled out;
    for (int level = 0; level < kLevels; ++level)
      for (uint64_t i = 0; i < 40; ++i) {
        const Problem problem = make_problem(1, task, level, Split::heldout, i);
        out.texts.push_back(problem.context + " " + problem.answer);
        out.levels.push_back(level);
      }
    return out;
  };
  for (const Task task :
       {Task::copying, Task::assignment_math, Task::assignment_code, Task::addition, Task::word_problem}) {
    const Labelled data = problems(task);
    INFO(kTaskNames[static_cast<size_t>(task)]);
    CHECK(spearman(data.levels, scores("length", {}, {}, data)) >= 0.9);
  }
}
