#include "core/data/stream/token_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <numeric>

#include "core/base/error.h"
#include "core/base/log.h"

namespace espalier {
namespace {

constexpr int64_t kMostBlockTokens = int64_t{1} << 24;

// The documents of each cell of a source, by tier.
std::vector<std::vector<uint32_t>> documents_by_tier(const PreparedSource& source, size_t num_tiers) {
  std::vector<size_t> counts(num_tiers, 0);
  for (const uint8_t tier : source.tiers) ++counts[tier];
  std::vector<std::vector<uint32_t>> documents(num_tiers);
  for (size_t t = 0; t < num_tiers; ++t) documents[t].reserve(counts[t]);
  for (uint32_t d = 0; d < source.tiers.size(); ++d) documents[source.tiers[d]].push_back(d);
  return documents;
}

std::vector<Cell> cells_of(const PreparedData& data, const StreamOptions& options, std::vector<CellSize>& sizes) {
  std::vector<Cell> cells;
  const BlockOptions block{options.block_tokens, options.packing, data.eos, options.seed};
  for (size_t s = 0; s < data.sources.size(); ++s) {
    const auto& source = data.sources[s];
    auto documents = documents_by_tier(source, data.tiers.size());
    for (size_t t = 0; t < documents.size(); ++t) {
      if (documents[t].empty()) continue;
      cells.emplace_back(source.train, std::move(documents[t]), block, fmt::format("{}/{}", source.name, t));
      sizes.push_back(
          {static_cast<int32_t>(s), static_cast<int32_t>(t), cells.back().num_tokens(), cells.back().fill()});
    }
  }
  return cells;
}

StreamOptions checked(StreamOptions options) {
  assert(options.seq_len > 0 && options.world_size > 0 && options.rank >= 0 && options.rank < options.world_size);
  if (options.block_tokens == 0) options.block_tokens = options.seq_len;
  // Best-fit packing holds a few numbers for each length up to this one.
  if (options.block_tokens > kMostBlockTokens)
    throw Error(ErrorCode::config,
                fmt::format("blocks of {} tokens; the most are {}", options.block_tokens, kMostBlockTokens),
                "data.block_tokens", "lower data.block_tokens, or training.seq_len where it is 0");
  if (options.block_tokens % options.seq_len != 0)
    throw Error(ErrorCode::config,
                fmt::format("block_tokens = {} is not a multiple of training.seq_len = {}", options.block_tokens,
                            options.seq_len),
                "data.block_tokens", "use a multiple of every seq_len that the data is to be read with");
  return options;
}

std::vector<double> weights_of(const PreparedData& data) {
  std::vector<double> weights;
  for (const auto& source : data.sources) weights.push_back(source.weight);
  return weights;
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
      options_(checked(options)),
      cells_(cells_of(data, options_, sizes_)),
      mixture_(sizes_, weights_of(data), static_cast<int32_t>(data.tiers.size())),
      drawn_(sizes_.size(), 0),
      rows_per_block_(static_cast<uint64_t>(options_.block_tokens / options_.seq_len)),
      fingerprint_(fingerprint_of(data)) {
  for (size_t c = 0; c < cells_.size(); ++c) {
    if (!cells_[c].repeats_inside()) continue;
    const auto& size = sizes_[c];
    const auto& source = data_.sources[static_cast<size_t>(size.source)];
    const auto what = fmt::format("source \"{}\"{} has {} tokens, fewer than one window of {}", source.name,
                                  data_.tiers.size() > 1 ? fmt::format(" in difficulty tier {}", size.tier) : "",
                                  size.tokens, options_.block_tokens + 1);
    if (source.exhausted != ExhaustedPolicy::repeat)
      throw Error(ErrorCode::data, what, "data.sources",
                  "give it more text, lower seq_len, data.block_tokens or difficulty.tiers, or set exhausted = "
                  "\"repeat\"");
    log_warning("{}: its text is repeated inside the window", what);
  }
}

bool TokenStream::fill(std::span<int32_t> tokens, std::span<RowOrigin> rows) {
  const auto width = static_cast<size_t>(options_.seq_len) + 1;
  assert(tokens.size() == rows.size() * width);
  return take_rows(rows.size(), [&](size_t i, const Row& row) {
    rows[i] = origin_of(row.cell, cells_[row.cell].copy(row.block, row.first, tokens.subspan(i * width, width)));
  });
}

bool TokenStream::locate(std::span<RowOrigin> rows) {
  constexpr size_t kTogether = ConcatOrder::kTogether;
  for (; !rows.empty(); rows = rows.subspan(std::min(kTogether, rows.size())))
    if (!locate_together(rows.first(std::min(kTogether, rows.size())))) return false;
  return true;
}

bool TokenStream::locate_together(std::span<RowOrigin> rows) {
  const auto width = static_cast<uint64_t>(options_.seq_len) + 1;
  // A cell remembers two epochs; one that could see more of them in this call is asked row by row.
  const uint64_t at_most = ConcatOrder::kTogether * static_cast<uint64_t>(options_.world_size);
  requests_.clear();
  asked_for_.clear();
  const bool whole = take_rows(rows.size(), [&](size_t i, const Row& row) {
    Cell& cell = cells_[row.cell];
    ConcatOrder* const order = cell.blocks_per_epoch() < at_most ? nullptr : cell.joined();
    if (order == nullptr) {
      rows[i] = origin_of(row.cell, cell.locate(row.block, row.first, width));
    } else {
      requests_.push_back({order, row.block, row.first});
      asked_for_.emplace_back(i, row.cell);
    }
  });
  ConcatOrder::locate(requests_, width);
  for (size_t i = 0; i < requests_.size(); ++i)
    rows[asked_for_[i].first] = origin_of(asked_for_[i].second, requests_[i].place);
  return whole;
}

template <class Take>
bool TokenStream::take_rows(size_t count, Take take) {
  Row row{};
  for (size_t i = 0; i < count; ++i)
    for (int64_t rank = 0; rank < options_.world_size; ++rank) {
      const bool mine = index_ % static_cast<uint64_t>(options_.world_size) == static_cast<uint64_t>(options_.rank);
      if (!next_row(row)) return false;
      if (mine) take(i, row);
    }
  return true;
}

bool TokenStream::next_row(Row& row) {
  const uint64_t in_block = index_ % rows_per_block_;
  if (in_block == 0) {
    const int32_t drawn = draw();
    if (drawn < 0) return false;
    open_cell_ = drawn;
  }
  ++index_;
  const auto cell = static_cast<size_t>(open_cell_);
  row = {cell, drawn_[cell] - 1, in_block * static_cast<uint64_t>(options_.seq_len)};
  return true;
}

RowOrigin TokenStream::origin_of(size_t cell, const RowPlace& place) const {
  return {sizes_[cell].source, sizes_[cell].tier, place.document, place.offset, place.tokens};
}

int32_t TokenStream::draw() {
  const int32_t drawn = mixture_.draw();
  if (drawn < 0) return drawn;
  const auto cell = static_cast<size_t>(drawn);
  const auto policy = data_.sources[static_cast<size_t>(sizes_[cell].source)].exhausted;
  const uint64_t blocks = cells_[cell].blocks_per_epoch();
  if (policy == ExhaustedPolicy::error && drawn_[cell] >= blocks) used_up(cell);
  ++drawn_[cell];
  if (policy == ExhaustedPolicy::stop && drawn_[cell] >= blocks) mixture_.retire(cell);
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
  const int32_t open = index_ % rows_per_block_ == 0 ? -1 : open_cell_;
  return {index_,           drawn_,       mixture_.credit(),     mixture_.weights(), options_.seed,
          options_.seq_len, fingerprint_, options_.block_tokens, options_.packing,   open};
}

void TokenStream::check_same_run(const StreamState& state) const {
  const int64_t block_tokens = state.block_tokens == 0 ? state.seq_len : state.block_tokens;
  if (block_tokens != options_.block_tokens)
    throw Error(ErrorCode::config,
                fmt::format("the data position was saved with seq_len {} and blocks of {} tokens, now it is {} and {}",
                            state.seq_len, block_tokens, options_.seq_len, options_.block_tokens),
                "data.block_tokens",
                fmt::format("other blocks give another order of the data; set data.block_tokens = {} and a seq_len "
                            "that divides it, or start a new run from the checkpoint",
                            block_tokens));
  if (state.packing != options_.packing)
    throw Error(ErrorCode::config, "the data position was saved with another packing", "data.packing",
                "put it back, or start a new run from the checkpoint");
  if (state.seed != options_.seed)
    throw Error(ErrorCode::config,
                fmt::format("the data position was saved with seed {}, now it is {}", state.seed, options_.seed),
                "job.seed", fmt::format("set job.seed = {}, or start a new run from the checkpoint", state.seed));
  if (state.data != fingerprint_ || state.drawn.size() != cells_.size() || state.credit.size() != cells_.size())
    throw Error(
        ErrorCode::data,
        "the data is not the data of the checkpoint: its text, tokenizer, sources or difficulty tiers have changed",
        "data", "bring back the old data, or start a new run from the checkpoint");
}

void TokenStream::restore(const StreamState& state) {
  check_same_run(state);
  const auto seq_len = static_cast<uint64_t>(options_.seq_len), saved_seq_len = static_cast<uint64_t>(state.seq_len);
  // Whole blocks and the rows of the open one apart: their product could overflow.
  const uint64_t saved_rows = static_cast<uint64_t>(options_.block_tokens) / saved_seq_len;
  const uint64_t blocks = state.index / saved_rows, open_tokens = state.index % saved_rows * saved_seq_len;
  if (open_tokens % seq_len != 0)
    throw Error(ErrorCode::config,
                fmt::format("the data position is {} tokens into a block, which is inside a row of seq_len {}",
                            open_tokens, seq_len),
                "training.seq_len", "use a seq_len that divides it, or another checkpoint");
  const bool open = open_tokens > 0, known = state.open_cell >= 0;
  if (open != known || (known && static_cast<size_t>(state.open_cell) >= cells_.size()) ||
      (known && state.drawn[static_cast<size_t>(state.open_cell)] == 0))
    throw Error(ErrorCode::checkpoint, "the data position contradicts itself: its open block");
  std::vector<bool> retired(cells_.size());
  for (size_t c = 0; c < cells_.size(); ++c)
    retired[c] = data_.sources[static_cast<size_t>(sizes_[c].source)].exhausted == ExhaustedPolicy::stop &&
                 state.drawn[c] >= cells_[c].blocks_per_epoch();
  mixture_.restore(state.weights, std::move(retired), state.credit);
  drawn_ = state.drawn;
  index_ = blocks * rows_per_block_ + open_tokens / seq_len;
  open_cell_ = state.open_cell;
}

int64_t TokenStream::tokens_per_epoch() const {
  int64_t tokens = 0;
  for (const auto& cell : cells_) tokens += static_cast<int64_t>(cell.blocks_per_epoch()) * options_.block_tokens;
  return tokens;
}

TokenStream::Packed TokenStream::packed() const {
  Packed packed;
  uint64_t tokens = 0;
  for (const auto& source : data_.sources) packed.documents += source.tiers.size();
  for (const auto& cell : cells_) {
    packed.cut += cell.cut_documents();
    tokens += cell.num_tokens();
  }
  if (options_.packing == Packing::best_fit)
    packed.fill = static_cast<double>(tokens) / static_cast<double>(tokens_per_epoch());
  return packed;
}

double TokenStream::epoch(const StreamState& state) const {
  return static_cast<double>(state.index) * static_cast<double>(options_.seq_len) /
         static_cast<double>(tokens_per_epoch());
}

std::vector<double> TokenStream::source_fractions() const {
  std::vector<double> fractions(data_.sources.size(), 0.0);
  for (size_t c = 0; c < sizes_.size(); ++c)
    fractions[static_cast<size_t>(sizes_[c].source)] += mixture_.probabilities()[c] * sizes_[c].fill;
  if (options_.packing == Packing::concat) return fractions;
  const double text = std::accumulate(fractions.begin(), fractions.end(), 0.0);
  for (double& fraction : fractions) fraction /= text;
  return fractions;
}

}  // namespace espalier
