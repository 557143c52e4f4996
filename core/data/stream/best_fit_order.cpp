#include "core/data/stream/best_fit_order.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace espalier {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};

// A set of numbers below `size` that finds the next member, by words and a summary of the words.
class NumberSet {
 public:
  explicit NumberSet(uint64_t size) : words_(size / 64 + 1), summary_(size / 4096 + 1) {}
  void insert(uint64_t value) {
    words_[value / 64] |= uint64_t{1} << (value % 64);
    summary_[value / 4096] |= uint64_t{1} << (value / 64 % 64);
  }
  void erase(uint64_t value) {
    if ((words_[value / 64] &= ~(uint64_t{1} << (value % 64))) == 0)
      summary_[value / 4096] &= ~(uint64_t{1} << (value / 64 % 64));
  }
  // The smallest member that is not below `value`; kNone without one.
  uint64_t next(uint64_t value) const {
    const uint64_t in_word = words_[value / 64] >> (value % 64);
    if (in_word != 0) return value + static_cast<uint64_t>(std::countr_zero(in_word));
    uint64_t word = value / 64 + 1;
    for (uint64_t s = word / 64; s < summary_.size(); ++s, word = s * 64) {
      const uint64_t in_summary = summary_[s] >> (word % 64);
      if (in_summary == 0) continue;
      word += static_cast<uint64_t>(std::countr_zero(in_summary));
      return word * 64 + static_cast<uint64_t>(std::countr_zero(words_[word]));
    }
    return kNone;
  }

 private:
  std::vector<uint64_t> words_, summary_;
};

}  // namespace

BestFitOrder::BestFitOrder(const TokenShard& shard, std::vector<uint32_t> documents, uint64_t block_tokens, int32_t eos,
                           uint64_t seed)
    : shard_(shard), block_tokens_(block_tokens), seed_(seed), eos_(eos) {
  assert(!documents.empty() && block_tokens > 0 && block_tokens < kNone);
  for (const uint32_t document : documents) {
    const uint64_t length = shard_.length(document);
    num_tokens_ += length;
    if (length <= block_tokens_) continue;
    long_.push_back(document);
    long_begin_.push_back(full_blocks_);
    full_blocks_ += length / block_tokens_;
  }
  long_begin_.push_back(full_blocks_);
  pack(documents);
}

uint64_t BestFitOrder::rest_of(uint32_t document) const {
  const uint64_t length = shard_.length(document);
  return length <= block_tokens_ ? length : length % block_tokens_;
}

void BestFitOrder::pack(const std::vector<uint32_t>& documents) {
  length_begin_.assign(block_tokens_ + 2, 0);
  for (const uint32_t document : documents) ++length_begin_[rest_of(document) + 1];
  length_begin_[1] = 0;  // nothing is left of these
  for (uint64_t length = 1; length <= block_tokens_; ++length) length_begin_[length + 1] += length_begin_[length];
  sorted_.resize(length_begin_.back());
  std::vector<uint32_t> next(length_begin_);
  for (const uint32_t document : documents)
    if (const uint64_t length = rest_of(document); length > 0) sorted_[next[length]++] = document;

  // Bins with the same space left form a list: its head by space, the rest by bin.
  NumberSet spaces(block_tokens_);
  std::vector<uint32_t> head(block_tokens_ + 1, kNone), after, count, bin_of(sorted_.size());
  for (uint64_t length = block_tokens_; length > 0; --length)
    for (uint32_t place = length_begin_[length]; place < length_begin_[length + 1]; ++place) {
      uint64_t space = spaces.next(length);
      uint32_t bin = 0;
      if (space == kNone) {
        bin = static_cast<uint32_t>(count.size());
        after.push_back(kNone);
        count.push_back(0);
        space = block_tokens_;
      } else {
        bin = head[space];
        head[space] = after[bin];
        if (head[space] == kNone) spaces.erase(space);
      }
      bin_of[place] = bin;
      ++count[bin];
      space -= length;
      if (space == 0) continue;
      after[bin] = head[space];
      head[space] = bin;
      spaces.insert(space);
    }

  bin_begin_.assign(count.size() + 1, 0);
  for (size_t bin = 0; bin < count.size(); ++bin) bin_begin_[bin + 1] = bin_begin_[bin] + count[bin];
  bins_.resize(sorted_.size());
  std::vector<uint32_t>& filled = after;  // no longer a list
  filled.assign(bin_begin_.begin(), bin_begin_.end() - 1);
  for (uint32_t place = 0; place < bin_of.size(); ++place) bins_[filled[bin_of[place]]++] = place;
}

BestFitOrder::Piece BestFitOrder::piece_at(uint64_t rank, uint64_t epoch) const {
  const uint64_t length = rest_of(sorted_[rank]), begin = length_begin_[length],
                 count = length_begin_[length + 1] - begin;
  if (count > 1) rank = begin + Permutation(count, mix64(seed_, epoch), "data.fit.documents", length)(rank - begin);
  const uint32_t document = sorted_[rank];
  return {document, shard_.length(document) - length, length};
}

// Calls visit(piece) for the pieces of a block in their order.
template <class Visit>
void BestFitOrder::for_each_piece(uint64_t k, Visit visit) const {
  const uint64_t epoch = k / blocks();
  const uint64_t block = Permutation(blocks(), seed_, "data.fit.blocks", epoch)(k % blocks());
  if (block < full_blocks_) {
    const auto i =
        static_cast<size_t>(std::upper_bound(long_begin_.begin(), long_begin_.end(), block) - long_begin_.begin() - 1);
    visit(Piece{long_[i], (block - long_begin_[i]) * block_tokens_, block_tokens_});
    return;
  }
  const uint64_t bin = block - full_blocks_, begin = bin_begin_[bin], count = bin_begin_[bin + 1] - begin;
  const uint64_t turn = Rng(seed_, "data.fit.turn").below(count, bin, epoch);
  for (uint64_t i = 0; i < count; ++i) visit(piece_at(bins_[begin + (i + turn) % count], epoch));
}

RowPlace BestFitOrder::locate(uint64_t k, uint64_t first, uint64_t width) const {
  RowPlace place;
  uint64_t begin = 1;  // of a piece in the block
  bool found = false;
  for_each_piece(k, [&](const Piece& piece) {
    const uint64_t target = first + 1, end = begin + piece.length;
    if (!found) place = {piece.document, piece.offset + std::min(target - begin, piece.length), 0};
    found = found || target < end;
    begin = end;
  });
  place.tokens = std::min(width, begin - std::min(begin, first));
  return place;
}

RowPlace BestFitOrder::copy(uint64_t k, uint64_t first, std::span<int32_t> out) const {
  std::fill(out.begin(), out.end(), eos_);
  uint64_t begin = 1;
  for_each_piece(k, [&](const Piece& piece) {
    // A piece that goes on with a document and leads its block brings the token before it.
    const uint64_t lead = begin == 1 && piece.offset > 0 ? 1 : 0;
    const uint64_t from = std::max(first, begin - lead), to = std::min(first + out.size(), begin + piece.length);
    if (from < to)
      shard_.copy(shard_.offset(piece.document) + piece.offset + from - begin, out.subspan(from - first, to - from));
    begin += piece.length;
  });
  return locate(k, first, out.size());
}

}  // namespace espalier
