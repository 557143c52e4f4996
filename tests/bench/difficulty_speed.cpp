// Speed of the text scorers on one core, and how their orders of the documents agree.
//   bench_difficulty FILE.jsonl...
// MB/s of CPU time, the best of three; "fit" counts fit_end() too. Then Spearman's rank correlation of each pair over
// the documents that both can judge.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "plugins/difficulty/common/text_file.hpp"
#include "sdk/difficulty_run.h"

using namespace espalier::sdk_test;

namespace {

struct Choice {
  std::string label, name;
  FakeConfig::Overrides params;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Ranks from 0 up; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<float>& values) {
  std::vector<std::size_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) out[order[i]] = 0.5 * static_cast<double>(begin + end - 1);
    begin = end;
  }
  return out;
}

double spearman(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> x, y;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    x.push_back(a[i]);
    y.push_back(b[i]);
  }
  const std::vector<double> u = ranks(x), v = ranks(y);
  const double mean = 0.5 * (static_cast<double>(u.size()) - 1);
  double uv = 0, uu = 0, vv = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    uv += (u[i] - mean) * (v[i] - mean);
    uu += (u[i] - mean) * (u[i] - mean);
    vv += (v[i] - mean) * (v[i] - mean);
  }
  return uv / std::sqrt(uu * vv);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Texts> batches(1);
  double bytes = 0, batch_bytes = 0;
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    text_file::for_each_document(argv[i], "text", false, [&](const std::string& text) {
      if (batch_bytes > (1 << 20)) {
        batches.emplace_back();
        batch_bytes = 0;
      }
      batches.back().push_back(text);
      bytes += static_cast<double>(text.size());
      batch_bytes += static_cast<double>(text.size());
      count += 1;
    });
  }
  std::vector<std::unique_ptr<DocsOf>> docs;
  for (const Texts& batch : batches) docs.push_back(std::make_unique<DocsOf>(batch));
  std::printf("%zu documents, %.1f MB\n\n%-18s %10s %10s %8s\n", count, bytes / 1e6, "scorer", "fit MB/s", "score MB/s",
              "NaN");

  const std::vector<Choice> choices = {
      {"length", "length", {}},
      {"compression", "compression", {}},
      {"flesch-kincaid", "readability", {}},
      {"dale-chall", "readability", {{"formula", "\"dale-chall\""}}},
      {"mtld", "lexical-diversity", {}},
      {"mattr", "lexical-diversity", {{"measure", "\"mattr\""}}},
      {"rarity", "rarity", {}},
      {"ngram-lm bytes", "ngram-lm", {}},
      {"ngram-lm words", "ngram-lm", {{"unit", "\"words\""}}},
      {"dedup-novelty", "dedup-novelty", {}},
      {"quality", "quality", {}},
  };
  std::vector<std::vector<float>> all;
  std::vector<std::string> labels;
  for (Choice choice : choices) {
    if (choice.name == "quality") {
      for (const ShippedPlugin& plugin : shipped_plugins()) {
        if (plugin.name == "quality") choice.params = plugin.params;  // a tiny model: for the speed alone
      }
    }
    PluginLibrary library(plugin_path(choice.name));
    double fit_best = 1e9, score_best = 1e9;
    std::vector<float> scores;
    bool fits = false;
    for (int round = 0; round < 3; ++round) {
      const Scorer scorer(library, choice.params);
      fits = scorer.fits();
      double start = cpu_seconds();
      if (fits) {
        for (const auto& batch : docs) call_ok(scorer.table().fit_batch, scorer.object().self(), batch->raw());
        scorer.fit_end();
        fit_best = std::min(fit_best, cpu_seconds() - start);
      }
      scores.clear();
      start = cpu_seconds();
      for (const auto& batch : docs) {
        std::vector<float> out(batch->raw()->count);
        call_ok(scorer.table().score, scorer.object().self(), batch->raw(), out.data());
        scores.insert(scores.end(), out.begin(), out.end());
      }
      score_best = std::min(score_best, cpu_seconds() - start);
    }
    const auto cannot_say = std::count_if(scores.begin(), scores.end(), [](float score) { return std::isnan(score); });
    const std::string fit = fits ? std::to_string(static_cast<int>(bytes / 1e6 / fit_best)) : "-";
    std::printf("%-18s %10s %10.1f %8td\n", choice.label.c_str(), fit.c_str(), bytes / 1e6 / score_best, cannot_say);
    if (choice.name == "quality") continue;
    all.push_back(std::move(scores));
    labels.push_back(choice.label);
  }

  std::printf("\nSpearman's rank correlation\n%-16s", "");
  for (std::size_t i = 0; i < labels.size(); ++i) std::printf(" %6zu", i + 1);
  std::printf("\n");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::printf("%2zu %-13.13s", i + 1, labels[i].c_str());
    for (std::size_t j = 0; j < labels.size(); ++j) std::printf(" %6.2f", spearman(all[i], all[j]));
    std::printf("\n");
  }
}
