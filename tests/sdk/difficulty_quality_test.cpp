// The fastText classifier: trained here, loaded from a file, and files that are no models.
#include <fasttext/fasttext.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "catch.h"
#include "sdk/difficulty_run.h"
#include "support/temp_dir.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

/// Two kinds of documents that share half of their words.
class Labelled {
 public:
  Labelled() {
    std::mt19937 random(11);
    std::ofstream positive(path("positive.txt")), negative(path("negative.jsonl")), both(path("both.txt"));
    for (int i = 0; i < 200; ++i) {
      const std::string good = document(random, true), bad = document(random, false);
      positive << good << "\n";
      negative << "{\"text\": \"" << bad << "\"}\n";
      both << "__label__hq " << good << "\n__label__lq " << bad << "\n";
    }
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  FakeConfig::Overrides files() const {
    return {{"positive", quoted("positive.txt")}, {"negative", quoted("negative.jsonl")}};
  }
  std::string quoted(const std::string& name) const { return "\"" + path(name) + "\""; }

  static std::string document(std::mt19937& random, bool good) {
    std::string text;
    for (int i = 0; i < 30; ++i)
      text += (random() % 2 == 0 ? "w" : good ? "g" : "b") + std::to_string(random() % 40) + " ";
    return text;
  }

  /// A model trained by the library itself.
  std::string model(fasttext::model_name kind, const std::string& name) const {
    fasttext::Args args;
    args.input = path("both.txt");
    args.model = kind;
    args.loss = kind == fasttext::model_name::sup ? fasttext::loss_name::softmax : fasttext::loss_name::ns;
    args.minCount = 1;
    args.minn = args.maxn = 0;
    args.bucket = 0;
    args.dim = 8;
    args.thread = 1;
    args.verbose = 0;
    args.lr = 0.5;
    fasttext::FastText model;
    model.train(args);
    model.saveModel(path(name));
    return path(name);
  }

 private:
  espalier::TempDir folder_;
};

}  // namespace

TEST_CASE("a classifier trained on two files tells their kinds apart", "[sdk][difficulty][quality]") {
  PluginLibrary library(plugin_path("quality"));
  const Labelled labelled;
  FakeConfig::Overrides params = labelled.files();
  params["lr"] = "0.5";
  const Scorer one(library, params), again(library, params);
  params["invert"] = "true";
  const Scorer inverted(library, params);
  std::mt19937 random(12);
  for (int i = 0; i < 20; ++i) {
    const std::string good = Labelled::document(random, true), bad = Labelled::document(random, false);
    CHECK(one.score(good) > 0.8f);
    CHECK(one.score(bad) < 0.2f);
    CHECK(again.scores({good, bad}) == one.scores({good, bad}));  // training repeats to the bit
    CHECK(inverted.score(bad) == 1 - one.score(bad));
    CHECK(one.score("\n" + good + "\r\n") == one.score(good));
  }
  CHECK(std::isnan(one.score("")));
  CHECK(std::isnan(one.score(" \n ")));
}

TEST_CASE("a model from a file gives fastText's own probabilities", "[sdk][difficulty][quality]") {
  PluginLibrary library(plugin_path("quality"));
  const Labelled labelled;
  const std::string path = labelled.model(fasttext::model_name::sup, "model.bin");
  fasttext::FastText reference;
  reference.loadModel(path);
  std::mt19937 random(13);
  for (const std::string label : {"__label__hq", "__label__lq"}) {
    const Scorer scorer(library, {{"model", "\"" + path + "\""}, {"label", "\"" + label + "\""}});
    CHECK_FALSE(scorer.fits());
    for (int i = 0; i < 20; ++i) {
      const std::string text = Labelled::document(random, i % 2 == 0);
      std::istringstream line(text + "\n");
      std::vector<std::pair<fasttext::real, std::string>> predictions;
      reference.predictLine(line, predictions, 2, 0);
      float expected = -1;
      for (const auto& [probability, name] : predictions) {
        if (name == label) expected = std::min(probability, 1.0f);
      }
      CHECK(scorer.score(text) == expected);
    }
  }
}

TEST_CASE("what is no classifier is refused, with words", "[sdk][difficulty][quality]") {
  PluginLibrary library(plugin_path("quality"));
  const Labelled labelled;
  const auto refused = [&](const FakeConfig::Overrides& params, const std::string& message) {
    CHECK_THROWS_WITH(Scorer(library, params), Contains(message));
  };
  refused({}, "positive");
  refused({{"model", "\"/nowhere.bin\""}}, "/nowhere.bin");
  refused({{"positive", labelled.quoted("positive.txt")}}, "negative");
  refused({{"model", "\"/nowhere.bin\""}, {"positive", "\"x\""}}, "not both");
  refused({{"model", labelled.quoted("positive.txt")}}, "not a fastText model");
  const std::string model = labelled.model(fasttext::model_name::sup, "model.bin");
  refused({{"model", "\"" + model + "\""}, {"label", "\"__label__good\""}}, "__label__lq");
  refused({{"model", "\"" + labelled.model(fasttext::model_name::sg, "vectors.bin") + "\""}}, "word vectors");
  std::ifstream in(model, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (const std::size_t size :
       {std::size_t{7}, std::size_t{9}, std::size_t{60}, std::size_t{200}, bytes.size() / 2, bytes.size() - 1}) {
    INFO(size);
    std::ofstream(labelled.path("cut.bin"), std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    CHECK_THROWS_AS(Scorer(library, {{"model", labelled.quoted("cut.bin")}}), PluginError);
  }
}

TEST_CASE("labels inside a document are text", "[sdk][difficulty][quality]") {
  PluginLibrary library(plugin_path("quality"));
  const Labelled labelled;
  std::ofstream(labelled.path("negative.jsonl"), std::ios::app) << "{\"text\": \"__label__spam b1 __label__hq\"}\n";
  FakeConfig::Overrides params = labelled.files();
  params["label"] = "\"__label__spam\"";
  CHECK_NOTHROW(Scorer(library, params));  // the label of the positive documents
  params = labelled.files();
  params["label"] = "\"__label__other\"";
  CHECK_THROWS_WITH(Scorer(library, params), Contains("negative documents"));
}
