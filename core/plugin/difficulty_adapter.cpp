#include "core/plugin/difficulty_adapter.h"

#include <espalier/difficulty.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <functional>
#include <mutex>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/fenced.h"
#include "core/plugin/sized.h"
#include "core/plugin/state_stream.h"

namespace espalier::plugin {
namespace {

// A NaN that no arithmetic makes: still there after score() means that the plugin wrote nothing.
constexpr uint32_t kUnwritten = 0xFFA5A5A5;

class DifficultyAdapter : public DifficultyScorer {
 public:
  DifficultyAdapter(Registry& registry, const PluginChoice& choice, const PluginSetup& setup)
      : plugin_(registry, Kind::difficulty, choice, setup),
        table_(sized_copy<esp_difficulty>(plugin_.vtable(), ESPALIER_SIZE_UP_TO(esp_difficulty, score),
                                          "difficulty table", plugin_.info().id)) {
    if (table_.score == nullptr) throw plugin_.misbehaved("its difficulty table lacks score");
    if (needs_fit() && (table_.fit_batch == nullptr || table_.fit_end == nullptr))
      throw plugin_.misbehaved("it needs a fit but its table lacks fit_batch or fit_end");
    constexpr uint32_t kKnown = ESP_NEEDS_TEXT | ESP_NEEDS_TOKENS | ESP_NEEDS_FIT | ESP_NEEDS_INPUTS;
    if ((table_.needs & ~kKnown) != 0)
      throw plugin_.misbehaved(
          fmt::format("it needs something that this Espalier does not know (bits {:#x})", table_.needs & ~kKnown));
    if ((table_.needs & ESP_NEEDS_INPUTS) != 0) list_inputs();
    make_another_ = [&registry, choice, setup] { return std::make_unique<DifficultyAdapter>(registry, choice, setup); };
  }

  const PluginIdentity& identity() const { return plugin_.identity(); }
  bool needs_tokens() const override { return (table_.needs & ESP_NEEDS_TOKENS) != 0; }
  bool needs_fit() const override { return (table_.needs & ESP_NEEDS_FIT) != 0; }
  std::string name() const override { return plugin_.info().id; }
  std::vector<std::string> inputs() const override { return inputs_; }
  bool concurrent() const override { return plugin_.info().claims_any(ESP_CLAIM_REENTRANT); }
  bool mergeable() const override { return needs_fit() && table_.fit_merge != nullptr; }
  std::unique_ptr<DifficultyScorer> another() override { return make_another_(); }
  std::string fit_state() const override { return plugin_.save_state(); }

  void fit_merge(const std::string& state) override {
    StateReader reader(state, plugin_.info().state_version, plugin_.info().id);
    const esp_in in = reader.stream();
    const std::lock_guard lock(mutex_);
    plugin_.call("fit_merge()", [&](esp_call* call) { return table_.fit_merge(plugin_.self(), call, &in); });
  }

  void fit_batch(const DocBatch& docs) override {
    if (!needs_fit()) return;
    const esp_docs batch = to_abi_docs(docs);
    const std::lock_guard lock(mutex_);
    plugin_.call("fit_batch()", [&](esp_call* call) { return table_.fit_batch(plugin_.self(), call, &batch); });
  }

  void fit_end() override {
    if (!needs_fit()) return;
    const std::lock_guard lock(mutex_);
    plugin_.call("fit_end()", [&](esp_call* call) { return table_.fit_end(plugin_.self(), call); });
  }

  std::vector<float> score(const DocBatch& docs) override {
    const esp_docs batch = to_abi_docs(docs);
    Fenced<float> out(std::vector<float>(docs.count(), std::bit_cast<float>(kUnwritten)));
    const auto run = [&] {
      plugin_.call("score()", [&](esp_call* call) { return table_.score(plugin_.self(), call, &batch, out.data()); });
    };
    if (concurrent()) {
      run();
    } else {
      const std::lock_guard lock(mutex_);
      run();
    }
    if (!out.intact()) throw plugin_.misbehaved("score() wrote past the end of the array of scores");
    return checked(out.take());
  }

  std::string fingerprint() const override {
    const PluginIdentity& who = plugin_.identity();
    nlohmann::json out{
        {"id", who.id}, {"version", who.version}, {"sha256", who.sha256}, {"params", own_json(who.params_json)}};
    // What a scorer reads from a file that a parameter names is a part of it: another content, other scores.
    for (const auto& [key, value] : who.params)
      for (const ParamScalar& item : value.items)
        if (const auto* text = std::get_if<std::string>(&item); text != nullptr && is_regular_file(*text))
          out["files"][key].push_back(sha256_file(*text, ErrorCode::data));
    // Where such a file lies is no part: the same scores on another machine.
    for (const ParamSpec& spec : plugin_.info().params)
      if ((spec.flags & ESP_PARAM_PATH) != 0 && out.contains("files") && out["files"].contains(spec.key))
        out["params"].erase(spec.key);
    return out.dump();
  }

 private:
  static bool is_regular_file(const std::string& path) {
    std::error_code ignored;
    return !path.empty() && fs::is_regular_file(path, ignored);
  }

  esp_docs to_abi_docs(const DocBatch& docs) const {
    esp_docs out{};
    out.struct_size = sizeof(esp_docs);
    out.count = docs.count();
    out.ids = docs.ids.data();
    if ((table_.needs & ESP_NEEDS_TEXT) != 0) {
      out.text_offsets = docs.text_offsets.data();
      out.text = docs.text.data();
    }
    if (needs_tokens()) {
      out.token_offsets = docs.token_offsets.data();
      out.tokens = docs.tokens.data();
    }
    if (docs.num_inputs != inputs_.size() && docs.count() > 0)
      throw Error(ErrorCode::internal, fmt::format("{} inputs for {}", docs.num_inputs, inputs_.size()), name());
    out.num_inputs = docs.num_inputs;
    out.inputs = docs.num_inputs == 0 ? nullptr : docs.inputs.data();
    return out;
  }

  void list_inputs() {
    const auto* raw = plugin_.extension(ESP_DIFFICULTY_INPUTS);
    if (raw == nullptr) throw plugin_.misbehaved("it needs inputs but does not list any");
    const auto table = sized_copy<esp_difficulty_inputs>(raw, ESPALIER_SIZE_UP_TO(esp_difficulty_inputs, list),
                                                         "table of inputs", plugin_.info().id);
    const esp_str* inputs = nullptr;
    uint32_t count = 0;
    // What a scorer asks for follows from its parameters, so an invalid argument is the user's.
    plugin_.call_on_settings("list()",
                             [&](esp_call* call) { return table.list(plugin_.self(), call, &inputs, &count); });
    constexpr uint32_t kMaxInputs = 4096;
    if (count > 0 && inputs == nullptr) throw plugin_.misbehaved("it lists inputs but gives none");
    if (count > kMaxInputs) throw plugin_.misbehaved(fmt::format("it lists {} inputs", count));
    for (uint32_t i = 0; i < count; ++i) inputs_.push_back(read_text(inputs[i], "name of an input", name()));
  }

  std::vector<float> checked(std::vector<float> scores) const {
    for (size_t i = 0; i < scores.size(); ++i) {
      if (std::bit_cast<uint32_t>(scores[i]) == kUnwritten)
        throw plugin_.misbehaved(
            fmt::format("score() returned OK but left document {} of {} without a score", i, scores.size()));
      if (std::isinf(scores[i]))
        throw plugin_.misbehaved(fmt::format("score() gave document {} of {} an infinite score", i, scores.size()));
    }
    return scores;
  }

  PluginInstance plugin_;  // first: holds the library, destroyed last
  esp_difficulty table_;
  std::vector<std::string> inputs_;
  std::function<std::unique_ptr<DifficultyScorer>()> make_another_;
  std::mutex mutex_;  // one call at a time into a plugin that is not reentrant
};

}  // namespace

DifficultyPlugin make_difficulty(Registry& registry, const PluginChoice& choice, const PluginSetup& setup) {
  auto adapter = std::make_unique<DifficultyAdapter>(registry, choice, setup);
  PluginIdentity identity = adapter->identity();
  return {std::move(adapter), std::move(identity)};
}

}  // namespace espalier::plugin
