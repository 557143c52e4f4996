// Difficulty by compression: bytes after zstd as a fraction of the bytes before; what compresses less is harder.
#include <espalier/sdk.hpp>

#include <zstd.h>

#include <algorithm>
#include <memory>

namespace sdk = espalier::sdk;

namespace {

/// One zstd context with its output buffer; made per batch, so that batches may run on several threads.
class Compressor {
 public:
  explicit Compressor(int level) : level_(level), context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    frame_bytes_ = frame_size("");
  }

  /// Compressed size of `text` alone, without the fixed cost of a zstd frame.
  double size_of(std::string_view text) { return static_cast<double>(frame_size(text) - frame_bytes_); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  std::size_t frame_size(std::string_view text) {
    buffer_.resize(ZSTD_compressBound(text.size()));
    const std::size_t size =
        ZSTD_compressCCtx(context_.get(), buffer_.data(), buffer_.size(), text.data(), text.size(), level_);
    if (ZSTD_isError(size) != 0) throw sdk::Error(ESP_INTERNAL, sdk::cat("zstd: ", ZSTD_getErrorName(size)));
    return size;
  }

  int level_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<char> buffer_;
  std::size_t frame_bytes_ = 0;
};

}  // namespace

class Compression final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<Compression>& about) {
    about.id("org.espalier.difficulty.compression").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("zstd-compressed bytes over raw bytes: what compresses less is harder");
    about.citation("Yin et al., Entropy Law: The Story Behind Data Compression and LLM Performance, 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_REENTRANT);
    about.param("level", &Compression::level_, "zstd level").min(1).max(19);
    about.param("window", &Compression::window_, "compress in separate pieces of this size; 0: the document as a whole")
        .min(0)
        .max(1 << 30)
        .unit("bytes");
    about.param("min_bytes", &Compression::min_bytes_, "shorter documents get no score").min(1).unit("bytes");
  }

  void scores(sdk::Call& call, const sdk::Docs& docs, sdk::Span<float> out) const override {
    Compressor compressor(static_cast<int>(level_));
    for (std::size_t i = 0; i < docs.size(); ++i) {
      if (call.cancelled()) throw sdk::failed_precondition("stopped while scoring");
      out[i] = ratio(compressor, docs[i].text);
    }
  }

 private:
  float ratio(Compressor& compressor, std::string_view text) const {
    if (text.size() < static_cast<std::size_t>(min_bytes_)) return kCannotSay;
    const std::size_t window = window_ == 0 ? text.size() : static_cast<std::size_t>(window_);
    const std::size_t piece = std::min(window, text.size());
    const std::size_t num_pieces = text.size() / piece;  // the rest is left out: a short piece would look harder
    double compressed = 0;
    for (std::size_t i = 0; i < num_pieces; ++i) compressed += compressor.size_of(text.substr(i * piece, piece));
    return static_cast<float>(compressed / static_cast<double>(num_pieces * piece));
  }

  std::int64_t level_ = 3;
  std::int64_t window_ = 1024;
  std::int64_t min_bytes_ = 64;
};

ESPALIER_PLUGIN(Compression);
