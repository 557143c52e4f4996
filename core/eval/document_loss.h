// How hard documents are for a trained model: the column "host.loss" that scorers may ask for.
#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <memory>

#include "core/data/difficulty/difficulty.h"

namespace espalier {

// Bits per byte of each document under the model of a checkpoint, a run folder (its newest checkpoint) or a Hugging
// Face folder, with that model's own tokenizer: as `espalier eval` of the document alone, in windows of the model's
// seq_len. Computed in fp32 on `device`. Its fingerprint is the hash of weights, shape and tokenizer; a document
// without text gets NaN. Throws Error(config) at `place` where there is no model, Error(checkpoint) for one that cannot
// be read or whose loss is not finite.
std::unique_ptr<DifficultyScorer> make_document_loss(const std::filesystem::path& model, c10::Device device,
                                                     const std::string& place);

}  // namespace espalier
