// Fitting a scorer to all documents, in parallel where it can merge.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/data/difficulty/difficulty.h"
#include "core/data/difficulty/doc_batches.h"

namespace espalier {

// Reads the documents of a range and shows them to the scorer. Each thread uses one of its own.
using FitRange = std::function<void(DifficultyScorer&, const DocRange&)>;
using MakeFitRange = std::function<FitRange()>;

// The ranges as parts for fitting: at most 16, of at least `min_tokens` tokens each but for the last. Depends on the
// data alone.
std::vector<std::vector<DocRange>> fit_parts(const std::vector<DocRange>& ranges,
                                             const std::vector<const TokenShard*>& shards, uint64_t min_tokens);

// Shows every range to the scorer, then ends the fit. A scorer that merges takes in the parts in their order, so that
// the result does not depend on `threads`. Exceptions of the scorer come out as they are.
void fit_scorer(DifficultyScorer& scorer, const std::vector<std::vector<DocRange>>& parts, const MakeFitRange& make_fit,
                int64_t threads);

}  // namespace espalier
