// Difficulty scores kept beside their shard: <stem>.<hash>.npy (float32, one a document, NaN = the scorer cannot say)
// and <stem>.<hash>.npy.json (which scorer made them, from which shard). See docs/file-formats.md.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace espalier {

// What scores were made from; a side-car is used again only where all of it is the same.
struct SideCarKey {
  std::string fingerprint;          // of the scorer
  std::string shard;                // hash of the shard's contents
  std::string fitted_on;            // hash of the training shards; empty for a scorer without a fit
  std::vector<std::string> inputs;  // names of the side-cars of its inputs

  // Sixteen hexadecimal digits that name the scorer, what it was fitted on and its inputs.
  std::string name() const;
};

std::filesystem::path side_car_path(const std::filesystem::path& stem, const std::string& name);

// The scores, or nothing where there is no whole side-car; one that is there but of another corpus, scorer or length,
// truncated, changed or of another type is named in a warning, and counts as none.
std::optional<std::vector<float>> read_side_car(const std::filesystem::path& npy, const SideCarKey& key,
                                                size_t num_documents);
// The .json last, with the hash of the .npy: without it the scores are not used. Throws Error(data).
void write_side_car(const std::filesystem::path& npy, const SideCarKey& key, std::span<const float> scores);

}  // namespace espalier
