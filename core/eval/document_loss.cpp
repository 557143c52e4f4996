#include "core/eval/document_loss.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/model_files/model_weights.h"
#include "core/data/tokenizer/tokenizer.h"
#include "core/model/forward.h"

namespace espalier {
namespace {

constexpr const char* kId = "host.loss";

// A stretch of a document that the model sees at once: `length` targets from stream[first + 1] on.
struct Window {
  size_t document;
  int64_t first, length;
};

class DocumentLoss : public DifficultyScorer {
 public:
  DocumentLoss(LoadedModel model, at::Device device)
      : model_(std::move(model)), tokenizer_(load_tokenizer(model_.dir)), folder_(model_.dir.string()) {
    const fs::path& folder = model_.dir;
    if (tokenizer_->vocab_size() > model_.spec.vocab_size)
      throw Error(
          ErrorCode::checkpoint,
          fmt::format("the tokenizer has {} tokens, the model {}", tokenizer_->vocab_size(), model_.spec.vocab_size),
          folder.string());
    model_.params = model_.params.transformed([&](const Param& param) { return param.value.to(device); });
    std::string hashes =
        weights_sha256(folder) + sha256_file(folder / "config.json", ErrorCode::checkpoint) + tokenizer_->fingerprint();
    if (model_.shape.in_evaluation)
      hashes += sha256_file(folder / "espalier" / "gates.safetensors", ErrorCode::checkpoint);
    fingerprint_ = nlohmann::json{{"id", kId}, {"version", "1"}, {"sha256", sha256_bytes(hashes)}}.dump();
  }

  bool needs_tokens() const override { return false; }
  bool needs_fit() const override { return false; }
  void fit_batch(const DocBatch&) override {}
  void fit_end() override {}
  std::string fingerprint() const override { return fingerprint_; }
  std::string name() const override { return kId; }

  std::vector<float> score(const DocBatch& docs) override {
    std::vector<std::vector<int64_t>> streams;
    std::vector<Window> windows;
    for (size_t i = 0; i < docs.count(); ++i) {
      streams.push_back(stream_of(text_of(docs, i)));
      const auto targets = static_cast<int64_t>(streams.back().size()) - 1;
      for (int64_t first = 0; first < targets; first += model_.spec.seq_len)
        windows.push_back({i, first, std::min(model_.spec.seq_len, targets - first)});
    }
    // Like lengths together, so that little is padded.
    std::stable_sort(windows.begin(), windows.end(),
                     [](const Window& a, const Window& b) { return a.length > b.length; });
    std::vector<double> nats(docs.count(), 0);
    for (size_t at = 0; at < windows.size();) {
      constexpr int64_t kLogits = int64_t{1} << 25;
      const int64_t room = std::max<int64_t>(1, kLogits / model_.spec.vocab_size / windows[at].length);
      const size_t rows = std::min(static_cast<size_t>(room), windows.size() - at);
      add_loss(std::span(windows).subspan(at, rows), streams, nats);
      at += rows;
    }
    std::vector<float> scores;
    for (size_t i = 0; i < docs.count(); ++i) {
      const auto bytes = static_cast<double>(text_of(docs, i).size());
      scores.push_back(bytes == 0 ? NAN : static_cast<float>(nats[i] / std::numbers::ln2 / bytes));
    }
    return scores;
  }

 private:
  static std::string_view text_of(const DocBatch& docs, size_t i) {
    const auto begin = static_cast<size_t>(docs.text_offsets[i]), end = static_cast<size_t>(docs.text_offsets[i + 1]);
    return {docs.text.data() + begin, end - begin};
  }

  // The first token is predicted from the model's beginning of a text, or from the end of the document before.
  std::vector<int64_t> stream_of(std::string_view text) const {
    const std::vector<int32_t> ids = tokenizer_->encode(text);
    std::vector<int64_t> stream{model_.config.start_token(tokenizer_->eos())};
    stream.insert(stream.end(), ids.begin(), ids.end());
    return stream;
  }

  void add_loss(std::span<const Window> windows, const std::vector<std::vector<int64_t>>& streams,
                std::vector<double>& nats) const {
    const c10::NoGradGuard no_grad;
    const auto rows = static_cast<int64_t>(windows.size()), width = windows.front().length;
    at::Tensor tokens = at::full({rows, width}, static_cast<int64_t>(tokenizer_->eos()), at::kLong);
    at::Tensor targets = tokens.clone(), counts = at::zeros({rows, width}, at::kDouble);
    for (int64_t row = 0; row < rows; ++row) {
      const Window& window = windows[static_cast<size_t>(row)];
      const auto* data = streams[window.document].data() + window.first;
      std::copy_n(data, window.length, tokens.data_ptr<int64_t>() + row * width);
      std::copy_n(data + 1, window.length, targets.data_ptr<int64_t>() + row * width);
      counts[row].narrow(0, 0, window.length).fill_(1);  // what is padded at the end changes nothing before it
    }
    const at::Device device = model_.params.begin()->value.device();
    const at::Tensor logits =
        forward_logits(model_.spec, model_.params, tokens.to(device), model_.shape, ComputeType::fp32);
    const at::Tensor loss =
        at::cross_entropy_loss(logits.flatten(0, 1), targets.to(device).flatten(), {}, at::Reduction::None);
    const at::Tensor sums = (loss.view({rows, width}).to(at::kCPU, at::kDouble) * counts).sum(1).contiguous();
    if (!sums.isfinite().all().item<bool>())
      throw Error(ErrorCode::checkpoint, "its loss on a document is not finite, so it cannot say how hard one is",
                  folder_, "its weights are damaged or too large; take an earlier checkpoint");
    for (int64_t row = 0; row < rows; ++row)
      nats[windows[static_cast<size_t>(row)].document] += sums.data_ptr<double>()[row];
  }

  LoadedModel model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string folder_, fingerprint_;
};

}  // namespace

std::unique_ptr<DifficultyScorer> make_document_loss(const fs::path& model, c10::Device device,
                                                     const std::string& place) {
  std::optional<LoadedModel> loaded = find_model(model);
  if (!loaded)
    throw Error(ErrorCode::config, fmt::format("there is no model in \"{}\"", model.string()), place,
                "give a run folder with a checkpoint, a checkpoint, or a Hugging Face model folder");
  return std::make_unique<DocumentLoss>(*std::move(loaded), device);
}

}  // namespace espalier
