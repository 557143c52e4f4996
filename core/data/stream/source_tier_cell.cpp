#include "core/data/stream/source_tier_cell.h"

#include <utility>

namespace espalier {
namespace {

std::variant<ConcatOrder, BestFitOrder> make_order(const TokenShard& shard, std::vector<uint32_t> documents,
                                                   const BlockOptions& options, const std::string& name) {
  const auto block_tokens = static_cast<uint64_t>(options.block_tokens);
  const uint64_t seed = mix64(options.seed, hash64(name));
  if (options.packing == Packing::best_fit)
    return BestFitOrder(shard, std::move(documents), block_tokens, options.eos, seed);
  return ConcatOrder(shard, std::move(documents), block_tokens, seed);
}

}  // namespace

Cell::Cell(const TokenShard& shard, std::vector<uint32_t> documents, const BlockOptions& options,
           const std::string& name)
    : block_tokens_(options.block_tokens), order_(make_order(shard, std::move(documents), options, name)) {}

uint64_t Cell::num_tokens() const {
  return std::visit([](const auto& order) { return order.num_tokens(); }, order_);
}

uint64_t Cell::blocks_per_epoch() const {
  return std::visit([](const auto& order) { return order.blocks(); }, order_);
}

bool Cell::repeats_inside() const {
  const auto* concat = std::get_if<ConcatOrder>(&order_);
  return concat != nullptr && concat->repeats_inside();
}

uint64_t Cell::cut_documents() const {
  const auto* best_fit = std::get_if<BestFitOrder>(&order_);
  return best_fit == nullptr ? 0 : best_fit->cut_documents();
}

double Cell::fill() const {
  if (std::holds_alternative<ConcatOrder>(order_)) return 1;
  return static_cast<double>(num_tokens()) /
         (static_cast<double>(blocks_per_epoch()) * static_cast<double>(block_tokens_));
}

RowPlace Cell::locate(uint64_t k, uint64_t first, uint64_t width) {
  return std::visit([&](auto& order) { return order.locate(k, first, width); }, order_);
}

RowPlace Cell::copy(uint64_t k, uint64_t first, std::span<int32_t> out) {
  return std::visit([&](auto& order) { return order.copy(k, first, out); }, order_);
}

}  // namespace espalier
