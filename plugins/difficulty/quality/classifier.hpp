// A fastText classifier: loading with checks, training that repeats to the bit, and the probability of one label.
#pragma once

#include <espalier/cpp/error.hpp>

#include <fasttext/fasttext.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

/// `text` on one line, as fastText reads documents: line breaks and NUL become spaces.
inline std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\r' || c == '\0' || c == '\v' || c == '\f') c = ' ';
  }
  return line;
}

/// A temporary file of labelled lines, removed with *this.
class TrainingFile {
 public:
  TrainingFile() {
    const char* folder = getenv("TMPDIR");
    path_ = std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/espalier-quality-XXXXXX";
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0) throw espalier::sdk::failed_precondition("cannot make a temporary file '", path_, "'");
    ::close(descriptor);
    out_.open(path_, std::ios::binary);
  }
  ~TrainingFile() { unlink(path_.c_str()); }
  TrainingFile(const TrainingFile&) = delete;
  TrainingFile& operator=(const TrainingFile&) = delete;

  /// A "__label__" inside the text is broken up: fastText would take it for a second label.
  void add(const std::string& label, std::string_view text) {
    std::string line = one_line(text);
    for (std::size_t at = 0; (at = line.find("__label__", at)) != std::string::npos; at += 1) line[at] = ' ';
    out_ << label << ' ' << line << '\n';
  }

  /// The file's path, after everything was written.
  const std::string& close() {
    out_.close();
    if (!out_) throw espalier::sdk::failed_precondition("cannot write the temporary file '", path_, "'");
    return path_;
  }

 private:
  std::string path_;
  std::ofstream out_;
};

class Classifier : private fasttext::FastText {
 public:
  /// Throws Error, naming the file, where it is no supervised fastText model or ends early.
  void load(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw espalier::sdk::Error(ESP_NOT_FOUND, espalier::sdk::cat("model: cannot open '", path, "'"));
    if (!checkModel(in)) throw espalier::sdk::invalid("model: '", path, "' is not a fastText model");
    in.exceptions(std::ios::failbit | std::ios::badbit | std::ios::eofbit);  // fastText itself does not look
    try {
      loadModel(in);
    } catch (const std::exception&) {
      throw espalier::sdk::data_loss("model: '", path, "' ends early or is damaged");
    }
    if (getArgs().model != fasttext::model_name::sup) {
      throw espalier::sdk::invalid("model: '", path, "' has word vectors only; a supervised model is needed");
    }
  }

  /// One thread and a fixed seed: the same lines give the same model.
  void train(const std::string& path, int dim, int epochs, double lr, int word_ngrams) {
    fasttext::Args args;
    args.input = path;
    args.model = fasttext::model_name::sup;
    args.loss = fasttext::loss_name::softmax;
    args.minCount = 1;
    args.minn = args.maxn = 0;
    args.dim = dim;
    args.epoch = epochs;
    args.lr = lr;
    args.wordNgrams = word_ngrams;
    args.bucket = word_ngrams > 1 ? 1 << 18 : 0;
    args.thread = 1;
    args.seed = 0;
    args.verbose = 0;
    FastText::train(args);
  }

  /// Throws Error where the model has no such label.
  std::int32_t label_id(const std::string& label) const {
    std::string known;
    const auto dictionary = getDictionary();
    for (std::int32_t i = 0; i < dictionary->nlabels(); ++i) {
      if (dictionary->getLabel(i) == label) return i;
      if (i < 10) known += (i > 0 ? ", " : "") + dictionary->getLabel(i);
    }
    throw espalier::sdk::invalid("label: the model has no label '", label, "'; it has ", known);
  }

  /// In [0, 1]; NaN for a text without any word. [any]
  float probability(std::string_view text, std::int32_t label) const {
    std::istringstream in(one_line(text) + "\n");
    std::vector<std::int32_t> words, labels;
    dict_->getLine(in, words, labels);
    fasttext::Predictions predictions;
    if (in_vocabulary(words)) predict(dict_->nlabels(), words, predictions);
    for (const auto& [log_probability, id] : predictions) {
      if (id == label) return std::min(std::exp(log_probability), 1.0f);
    }
    return std::nanf("");
  }

 private:
  /// More than the end of the line.
  bool in_vocabulary(const std::vector<std::int32_t>& words) const {
    const std::int32_t end = dict_->getId(fasttext::Dictionary::EOS);
    return std::any_of(words.begin(), words.end(), [&](std::int32_t word) { return word != end; });
  }
};
