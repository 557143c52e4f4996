// Base class of data-difficulty scorers, and the table made from one.
#pragma once

#include <espalier/difficulty.h>
#include <espalier/cpp/object.hpp>

#include <limits>
#include <string_view>

namespace espalier::sdk {

/// One document. A view: valid during the call. What the scorer did not ask for is empty.
struct Doc {
  std::uint64_t id = 0;   ///< stable hash of the content
  std::string_view text;  ///< UTF-8 as found: it may be damaged
  Span<const std::int32_t> tokens;
};

/// A batch of documents. A view: valid during the call.
class Docs {
 public:
  explicit Docs(const esp_docs* raw) : plain_(sized_copy(raw)) {}

  std::size_t size() const { return static_cast<std::size_t>(plain_.count); }
  Doc operator[](std::size_t i) const {
    Doc doc;
    if (plain_.ids != nullptr) doc.id = plain_.ids[i];
    if (plain_.text != nullptr && plain_.text_offsets != nullptr) {
      doc.text = std::string_view(plain_.text + plain_.text_offsets[i], length(plain_.text_offsets, i));
    }
    if (plain_.tokens != nullptr && plain_.token_offsets != nullptr) {
      doc.tokens = Span<const std::int32_t>(plain_.tokens + plain_.token_offsets[i], length(plain_.token_offsets, i));
    }
    return doc;
  }

 private:
  static std::size_t length(const std::int64_t* offsets, std::size_t i) {
    return static_cast<std::size_t>(offsets[i + 1] - offsets[i]);
  }

  esp_docs plain_;
};

/// A scorer: one number a document, higher is harder, NaN = cannot say.
class Difficulty : public Plugin {
 public:
  static constexpr float kCannotSay = std::numeric_limits<float>::quiet_NaN();

  /// ESP_NEEDS_* bits; hide it with your own.
  static constexpr std::uint32_t needs = ESP_NEEDS_TEXT;

  /// Optional, with ESP_NEEDS_FIT: sees every document once before any score.
  virtual void fit(Call&, const Docs&) {}
  virtual void fit_end(Call&) {}
  /// Override one of the two. Both may run on several threads at once where the plugin claims ESP_CLAIM_REENTRANT.
  virtual float score(Call&, const Doc&) const {
    throw unimplemented("this scorer defines neither score() nor scores()");
  }
  virtual void scores(Call& call, const Docs& docs, Span<float> out) const {
    for (std::size_t i = 0; i < docs.size(); ++i) out[i] = score(call, docs[i]);
  }
};

namespace detail {

template <class T>
struct DifficultyEdge {
  static esp_status fit_batch(void* self, esp_call* raw_call, const esp_docs* docs) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) { instance.plugin.fit(call, Docs(docs)); });
  }

  static esp_status fit_end(void* self, esp_call* raw_call) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) { instance.plugin.fit_end(call); });
  }

  static esp_status score(void* self, esp_call* raw_call, const esp_docs* raw_docs, float* out) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      const Docs docs(raw_docs);
      instance.plugin.scores(call, docs, Span<float>(out, docs.size()));
    });
  }

  static const void* table() {
    constexpr bool fits = (T::needs & ESP_NEEDS_FIT) != 0;
    static const esp_difficulty difficulty = {sizeof(esp_difficulty), T::needs, fits ? &fit_batch : nullptr,
                                              fits ? &fit_end : nullptr, &score};
    return &difficulty;
  }

  static const void* get(void*, const char*) { return nullptr; }
};

}  // namespace detail
}  // namespace espalier::sdk
