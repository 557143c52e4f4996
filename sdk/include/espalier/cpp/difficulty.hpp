// Base class of data-difficulty scorers, and the table made from one.
#pragma once

#include <espalier/difficulty.h>
#include <espalier/cpp/entry.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::sdk {

/// One document. A view: valid during the call. What the scorer did not ask for is empty.
struct Doc {
  std::uint64_t id = 0;   ///< stable hash of the content
  std::string_view text;  ///< UTF-8 as found: it may be damaged
  Span<const std::int32_t> tokens;
  Span<const float> inputs;  ///< one a name of Difficulty::inputs(); NaN = that input cannot say
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
    if (plain_.inputs != nullptr) {
      const auto width = static_cast<std::size_t>(plain_.num_inputs);
      doc.inputs = Span<const float>(plain_.inputs + i * width, width);
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

  /// With ESP_NEEDS_FIT: false where the parameters, which are known by then, make a fit needless.
  virtual bool wants_fit() const { return true; }
  /// Optional, with ESP_NEEDS_FIT: sees every document once before any score.
  virtual void fit(Call&, const Docs&) {}
  virtual void fit_end(Call&) {}
  /// Optional, with save() and load(): adds what another object of the same parameters saw in fit(), from what it
  /// save()d before its fit_end(). Associative and commutative. With it the host fits on several threads.
  virtual void fit_merge(Call&, Reader&) {}
  /// Optional, with ESP_NEEDS_INPUTS: the scorers or host columns whose values Doc::inputs holds, each with its
  /// parameters as a TOML table where needed: {"compression", "compression { level = 9 }", "host.loss { model = \"m\"
  /// }"}.
  virtual std::vector<std::string> inputs(Call&) const { return {}; }
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

  static esp_status fit_merge(void* self, esp_call* raw_call, const esp_in* other_state) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      Reader reader(other_state);
      instance.plugin.fit_merge(call, reader);
      reader.expect_end();
    });
  }

  static esp_status list(void* self, esp_call* raw_call, const esp_str** inputs, std::uint32_t* num_inputs) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      if (instance.inputs.empty()) {
        instance.inputs = instance.plugin.inputs(call);
        for (const std::string& input : instance.inputs) instance.input_views.push_back(str(input));
      }
      *inputs = instance.input_views.data();
      *num_inputs = static_cast<std::uint32_t>(instance.input_views.size());
    });
  }

  static const void* table(const T& plugin) {
    constexpr bool fits = (T::needs & ESP_NEEDS_FIT) != 0;
    constexpr bool merges = !std::is_same_v<decltype(&T::fit_merge), decltype(&Difficulty::fit_merge)>;
    static_assert(!merges || (fits && has_state<T>()),
                  "fit_merge() reads what save() wrote: ESP_NEEDS_FIT, save, load");
    static const esp_difficulty difficulty = {sizeof(esp_difficulty),    T::needs, fits ? &fit_batch : nullptr,
                                              fits ? &fit_end : nullptr, &score,   merges ? &fit_merge : nullptr};
    static const esp_difficulty ready = {
        sizeof(esp_difficulty), T::needs & ~ESP_NEEDS_FIT, nullptr, nullptr, &score, nullptr};
    return plugin.wants_fit() ? &difficulty : &ready;
  }

  static const void* get(void*, const char* extension_id) {
    constexpr bool asks = (T::needs & ESP_NEEDS_INPUTS) != 0;
    constexpr bool names = !std::is_same_v<decltype(&T::inputs), decltype(&Difficulty::inputs)>;
    static_assert(asks == names, "ESP_NEEDS_INPUTS and inputs() belong together");
    static const esp_difficulty_inputs table = {sizeof(esp_difficulty_inputs), 0, &list};
    return asks && std::string_view(extension_id) == ESP_DIFFICULTY_INPUTS ? &table : nullptr;
  }
};

template <class T>
struct KindOf<T, std::enable_if_t<std::is_base_of_v<Difficulty, T>>> {
  using Base = Difficulty;
  using Edge = DifficultyEdge<T>;
  static constexpr std::string_view kFactory = ESP_FACTORY_DIFFICULTY;
};

}  // namespace detail
}  // namespace espalier::sdk
