#include "core/data/token_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/base/error.h"
#include "core/base/log.h"

namespace espalier {
namespace {

std::vector<CellSize> sizes_of(const PreparedData& data) {
  std::vector<CellSize> sizes;
  for (size_t s = 0; s < data.sources.size(); ++s) {
    const auto& source = data.sources[s];
    std::vector<uint64_t> tokens(data.tiers.size(), 0);
    for (size_t d = 0; d < source.tiers.size(); ++d) tokens[source.tiers[d]] += source.train.length(d);
    for (size_t t = 0; t < tokens.size(); ++t)
      if (tokens[t] > 0) sizes.push_back({static_cast<int32_t>(s), static_cast<int32_t>(t), tokens[t]});
  }
  return sizes;
}

std::vector<double> weights_of(const PreparedData& data) {
  std::vector<double> weights;
  for (const auto& source : data.sources) weights.push_back(source.weight);
  return weights;
}

std::vector<uint32_t> documents_of(const PreparedSource& source, int32_t tier) {
  std::vector<uint32_t> documents;
  for (uint32_t d = 0; d < source.tiers.size(); ++d)
    if (source.tiers[d] == tier) documents.push_back(d);
  return documents;
}

std::string fingerprint_of(const PreparedData& data) {
  std::string parts = fmt::format("{} tiers\n", data.tiers.size());
  for (const auto& source : data.sources) {
    const std::string_view tiers(reinterpret_cast<const char*>(source.tiers.data()), source.tiers.size());
    parts += source.name + " " + source.train_key + " " + sha256_bytes(tiers) + "\n";
  }
  return sha256_bytes(parts);
}

}  // namespace

TokenStream::TokenStream(const PreparedData& data, const StreamOptions& options)
    : data_(data),
      options_(options),
      sizes_(sizes_of(data)),
      mixture_(sizes_, weights_of(data), static_cast<int32_t>(data.tiers.size())),
      drawn_(sizes_.size(), 0),
      fingerprint_(fingerprint_of(data)) {
  assert(options.seq_len > 0 && options.world_size > 0 && options.rank >= 0 && options.rank < options.world_size);
  for (const auto& size : sizes_) {
    const auto& source = data_.sources[static_cast<size_t>(size.source)];
    cells_.emplace_back(source.train, documents_of(source, size.tier), options.seq_len, options.seed,
                        fmt::format("{}/{}", source.name, size.tier));
    if (!cells_.back().shorter_than_a_window()) continue;
    const auto what = fmt::format("source \"{}\"{} has {} tokens, fewer than one window of {}", source.name,
                                  data_.tiers.size() > 1 ? fmt::format(" in difficulty tier {}", size.tier) : "",
                                  size.tokens, options.seq_len + 1);
    if (source.exhausted != ExhaustedPolicy::repeat)
      throw Error(ErrorCode::data, what, "data.sources",
                  "give it more text, lower seq_len or difficulty.tiers, or set exhausted = \"repeat\"");
    log_warning("{}: its text is repeated inside the window", what);
  }
}

bool TokenStream::fill(std::span<int32_t> tokens, std::span<RowOrigin> rows) {
  const auto width = static_cast<size_t>(options_.seq_len) + 1;
  assert(tokens.size() == rows.size() * width);
  for (size_t row = 0; row < rows.size(); ++row) {
    for (int64_t rank = 0; rank < options_.world_size; ++rank) {
      const int32_t drawn = draw();
      if (drawn < 0) return false;
      if (rank != options_.rank) continue;
      const auto cell = static_cast<size_t>(drawn);
      cells_[cell].window(drawn_[cell] - 1, tokens.subspan(row * width, width));
      rows[row] = {sizes_[cell].source, sizes_[cell].tier};
    }
  }
  return true;
}

int32_t TokenStream::draw() {
  const int32_t drawn = mixture_.draw();
  if (drawn < 0) return drawn;
  const auto cell = static_cast<size_t>(drawn);
  const auto policy = data_.sources[static_cast<size_t>(sizes_[cell].source)].exhausted;
  const uint64_t windows = cells_[cell].windows_per_epoch();
  if (policy == ExhaustedPolicy::error && drawn_[cell] >= windows) used_up(cell);
  ++drawn_[cell];
  ++index_;
  if (policy == ExhaustedPolicy::stop && drawn_[cell] >= windows) mixture_.retire(cell);
  return drawn;
}

void TokenStream::used_up(size_t cell) const {
  const auto& source = data_.sources[static_cast<size_t>(sizes_[cell].source)];
  const auto per_step = static_cast<uint64_t>(options_.samples_per_step);
  throw Error(
      ErrorCode::data,
      fmt::format("source \"{}\"{} is used up at {}", source.name,
                  data_.tiers.size() > 1 ? fmt::format(" in difficulty tier {}", sizes_[cell].tier) : "",
                  per_step > 0 ? fmt::format("step {}", index_ / per_step + 1) : fmt::format("sample {}", index_)),
      "data.sources", "add data, train for fewer steps, lower its weight, or set exhausted = \"repeat\" or \"stop\"");
}

StreamState TokenStream::state() const {
  return {index_, drawn_, mixture_.credit(), mixture_.weights(), options_.seed, options_.seq_len, fingerprint_};
}

void TokenStream::restore(const StreamState& state) {
  if (state.seq_len != options_.seq_len)
    throw Error(
        ErrorCode::config,
        fmt::format("the data position was saved with seq_len {}, now it is {}", state.seq_len, options_.seq_len),
        "training.seq_len",
        "another length gives another order of the data; keep it, or start a new run from the checkpoint");
  if (state.seed != options_.seed)
    throw Error(ErrorCode::config,
                fmt::format("the data position was saved with seed {}, now it is {}", state.seed, options_.seed),
                "training.seed", "keep the seed, or start a new run from the checkpoint");
  if (state.data != fingerprint_ || state.drawn.size() != cells_.size() || state.credit.size() != cells_.size())
    throw Error(
        ErrorCode::data,
        "the data is not the data of the checkpoint: its text, tokenizer, sources or difficulty tiers have changed",
        "data", "bring back the old data, or start a new run from the checkpoint");
  std::vector<bool> retired(cells_.size());
  for (size_t c = 0; c < cells_.size(); ++c)
    retired[c] = data_.sources[static_cast<size_t>(sizes_[c].source)].exhausted == ExhaustedPolicy::stop &&
                 state.drawn[c] >= cells_[c].windows_per_epoch();
  mixture_.restore(state.weights, std::move(retired), state.credit);
  drawn_ = state.drawn;
  index_ = state.index;
}

int64_t TokenStream::tokens_per_epoch() const {
  int64_t tokens = 0;
  for (const auto& cell : cells_) tokens += static_cast<int64_t>(cell.windows_per_epoch()) * options_.seq_len;
  return tokens;
}

double TokenStream::epoch(const StreamState& state) const {
  return static_cast<double>(state.index) * static_cast<double>(options_.seq_len) /
         static_cast<double>(tokens_per_epoch());
}

std::vector<double> TokenStream::source_fractions() const {
  std::vector<double> fractions(data_.sources.size(), 0.0);
  for (size_t c = 0; c < sizes_.size(); ++c)
    fractions[static_cast<size_t>(sizes_[c].source)] += mixture_.probabilities()[c];
  return fractions;
}

}  // namespace espalier
