// Difficulty by quality: the probability of a label under a fastText classifier, loaded or trained here.
#include <espalier/sdk.hpp>

#include <memory>

#include "../common/text_file.hpp"
#include "classifier.hpp"

namespace sdk = espalier::sdk;

class Quality final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<Quality>& about) {
    about.id("org.espalier.difficulty.quality").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("probability of a label under a fastText classifier: more like the label is harder");
    about.citation(
        "Joulin et al., Bag of Tricks for Efficient Text Classification, EACL 2017; "
        "Li et al., DataComp-LM, NeurIPS 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT);
    about.param("model", &Quality::model_, "a supervised fastText model, .bin or .ftz; empty: train one here").path();
    about.param("label", &Quality::label_, "the label whose probability is the score");
    about.param("invert", &Quality::invert_, "score 1 - p: what is less like the label is harder");
    about.param("positive", &Quality::positive_, "to train: documents of the label, one a line, or JSON lines");
    about.param("negative", &Quality::negative_, "to train: documents that are not of the label");
    about.param("text_field", &Quality::text_field_, "field of the text in JSON lines");
    about.param("dim", &Quality::options_dim_, "to train: size of the word vectors").min(1).max(1024);
    about.param("epochs", &Quality::options_epochs_, "to train: passes over the documents").min(1).max(1000);
    about.param("lr", &Quality::options_lr_, "to train: learning rate").above(0);
    about.param("word_ngrams", &Quality::options_word_ngrams_, "to train: longest word n-gram").min(1).max(5);
  }

  void check(sdk::Call& call) override {
    if (label_.empty()) throw sdk::invalid("label is empty");
    if (!model_.empty()) {
      if (!positive_.empty() || !negative_.empty()) {
        throw sdk::invalid("give either model, or positive and negative, not both");
      }
      classifier_.load(model_);
    } else {
      if (positive_.empty() || negative_.empty()) {
        throw sdk::invalid("give a model, or the files positive and negative to train one");
      }
      train(call);
    }
    label_id_ = classifier_.label_id(label_);
  }

  void scores(sdk::Call& call, const sdk::Docs& docs, sdk::Span<float> out) const override {
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while scoring");
      const float p = classifier_.probability(docs[i].text, label_id_);
      out[i] = invert_ ? 1 - p : p;
    }
  }

 private:
  void train(sdk::Call& call) {
    if (label_ == kOther) throw sdk::invalid("label = '", label_, "' stands for the negative documents");
    TrainingFile file;
    text_file::for_each_document(positive_, text_field_, true,
                                 [&](const std::string& text) { file.add(label_, text); });
    text_file::for_each_document(negative_, text_field_, true,
                                 [&](const std::string& text) { file.add(kOther, text); });
    call.info("training the quality classifier");
    classifier_.train(file.close(), static_cast<int>(options_dim_), static_cast<int>(options_epochs_), options_lr_,
                      static_cast<int>(options_word_ngrams_));
  }

  static constexpr const char* kOther = "__label__other";

  std::string model_;
  std::string label_ = "__label__hq";
  bool invert_ = false;
  std::string positive_, negative_;
  std::string text_field_ = "text";
  std::int64_t options_dim_ = 16, options_epochs_ = 5, options_word_ngrams_ = 2;
  double options_lr_ = 0.1;
  Classifier classifier_;
  std::int32_t label_id_ = 0;
};

ESPALIER_PLUGIN(Quality);
