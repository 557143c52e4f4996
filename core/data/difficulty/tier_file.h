// A tier for each document, written by hand or by another program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/data/difficulty/scoring.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Reads JSON lines or CSV (by the first character; CSV has a header line) with, on each line, `tier` and either
// `source` and `document` (its number in the source, from 0) or `hash`: at least the first 16 hexadecimal digits of the
// SHA-256 of its text. Answers [source][document]. With hashes every document is read once. Throws Error(data) with
// file and line: a line that cannot be read, a tier that is not in [0, num_tiers), a document that does not exist or is
// given two tiers; and for documents that are not listed.
std::vector<std::vector<uint8_t>> read_tier_file(const std::filesystem::path& path,
                                                 const std::vector<ScoredShard>& shards, const Tokenizer& tokenizer,
                                                 int64_t num_tiers);

}  // namespace espalier
