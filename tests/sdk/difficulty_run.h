// A scorer as a host uses it: fit in batches, merge, score, save and load.
#pragma once

#include <espalier/difficulty.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sdk/loaded_plugin.h"

namespace espalier::sdk_test {

using Texts = std::vector<std::string>;

/// A batch of documents that holds its own text.
class DocsOf {
 public:
  explicit DocsOf(const Texts& texts) : ids_(texts.size()) {
    for (const std::string& text : texts) {
      text_ += text;
      offsets_.push_back(static_cast<std::int64_t>(text_.size()));
    }
    raw_.struct_size = sizeof(esp_docs);
    raw_.count = texts.size();
    raw_.ids = ids_.data();
    raw_.text = text_.data();
    raw_.text_offsets = offsets_.data();
  }
  DocsOf(const DocsOf&) = delete;
  DocsOf& operator=(const DocsOf&) = delete;

  const esp_docs* raw() const { return &raw_; }

 private:
  std::vector<std::uint64_t> ids_;
  std::vector<std::int64_t> offsets_ = {0};
  std::string text_;
  esp_docs raw_{};
};

/// One object of a scorer plugin.
class Scorer {
 public:
  explicit Scorer(PluginLibrary& library, const FakeConfig::Overrides& params = {}) : object_(library.create(params)) {}

  const esp_difficulty& table() const { return object_.table<esp_difficulty>(); }
  bool fits() const { return (table().needs & ESP_NEEDS_FIT) != 0; }
  const Object& object() const { return object_; }

  void fit_batch(const Texts& texts) const {
    const DocsOf docs(texts);
    call_ok(table().fit_batch, object_.self(), docs.raw());
  }
  void fit_end() const { call_ok(table().fit_end, object_.self()); }
  /// In batches of `batch` documents. Does nothing for a scorer that wants no fit.
  void fit(const Texts& texts, std::size_t batch = 7) const {
    if (!fits()) return;
    for (std::size_t at = 0; at < texts.size(); at += batch) {
      fit_batch(Texts(texts.begin() + static_cast<std::ptrdiff_t>(at),
                      texts.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch, texts.size()))));
    }
    fit_end();
  }
  void merge(const std::string& state) const {
    Bytes bytes{state, 0};
    const esp_in in = {&bytes, &read};
    call_ok(table().fit_merge, object_.self(), &in);
  }

  std::vector<float> scores(const Texts& texts) const {
    const DocsOf docs(texts);
    std::vector<float> out(texts.size(), -1);
    call_ok(table().score, object_.self(), docs.raw(), out.data());
    return out;
  }
  float score(const std::string& text) const { return scores({text})[0]; }

 private:
  struct Bytes {
    const std::string& text;
    std::size_t at;
  };
  static std::int64_t read(void* context, void* data, std::uint64_t size) {
    auto& bytes = *static_cast<Bytes*>(context);
    const std::size_t moved = bytes.text.copy(static_cast<char*>(data), static_cast<std::size_t>(size), bytes.at);
    bytes.at += moved;
    return static_cast<std::int64_t>(moved);
  }

  Object object_;
};

/// Sentences of words drawn from a small vocabulary.
inline std::string random_prose(std::mt19937& random, std::size_t num_words, unsigned vocabulary) {
  std::string text;
  bool starts = true;
  for (std::size_t i = 0; i < num_words; ++i) {
    std::mt19937 spelling(static_cast<unsigned>(random()) % vocabulary);
    for (unsigned letters = 2 + static_cast<unsigned>(spelling()) % 6; letters > 0; --letters) {
      text += static_cast<char>((starts ? 'A' : 'a') + spelling() % 26);
      starts = false;
    }
    starts = random() % 9 == 0;
    text += starts ? ". " : " ";
  }
  return text;
}

inline std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>(random() & 0xFF);
  return text;
}

}  // namespace espalier::sdk_test
