// What was drawn in one stage of training, measured: repeats, lengths, vocabulary, listed words, patterns of personal
// data. Memory does not grow with the number of documents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace espalier {

// Words to count, from a file with one word a line; empty lines and lines that begin with '#' are skipped. Words are
// compared without regard to ASCII case.
class WordFilter {
 public:
  WordFilter() = default;
  // Throws Error(data) with file and line for a line with white space inside, and for a file without any word.
  explicit WordFilter(const std::filesystem::path& path);
  bool contains(const std::string& lower_case_word) const { return words_.contains(lower_case_word); }
  size_t size() const { return words_.size(); }

 private:
  std::unordered_set<std::string> words_;
};

struct StageReport {
  uint64_t documents = 0, bytes = 0, words = 0;
  double duplicate_share = 0;       // of the documents, those whose text came before in the stage
  bool duplicates_sampled = false;  // the share is an estimate: more different texts than are remembered
  double mean_bytes = 0, mean_words = 0;
  double listed_words_per_million = 0;
  double emails_per_million = 0, phones_per_million = 0;  // patterns a million words
  // Jensen-Shannon divergence, in bits (0 equal, 1 disjoint), of the word frequencies from those of the stage before;
  // none in the first stage and after a stage without words. Lin, "Divergence Measures Based on the Shannon Entropy",
  // IEEE Transactions on Information Theory 37, 1991, eq. 4.1 with equal weights. Words are hashed to 2^16 cells, which
  // can lower it but not raise it.
  std::optional<double> vocabulary_drift;
  // Mean length in words over that of the stage before.
  std::optional<double> length_ratio;
};

// Not thread-safe.
class StageQuality {
 public:
  // Up to `remembered` texts are told apart exactly; beyond that the share of duplicates is measured on those texts
  // whose hash is a multiple of a power of two, all copies of which are in the sample or none.
  explicit StageQuality(WordFilter filter = {}, size_t remembered = 1 << 20);

  // A document or window, as text; bytes that are not UTF-8 count as letters.
  void add(std::string_view text);
  // What was added since the last report; the next stage is compared with this one.
  StageReport finish_stage();

  // What it has seen, as bytes: the same for the same texts in the same order.
  std::string save_state() const;
  // False, and nothing changes, where they were counted by another list of words. Throws Error(checkpoint) for bytes
  // that are none of save_state().
  bool load_state(const std::string& bytes);

 private:
  struct Counts {
    uint64_t documents = 0, bytes = 0, words = 0, listed = 0, emails = 0, phones = 0;
    std::vector<uint64_t> cells;  // of words, by hash
  };

  void remember(uint64_t hash);

  WordFilter filter_;
  size_t remembered_;
  Counts now_, before_;
  std::unordered_set<uint64_t> seen_;
  uint64_t sample_mask_ = 0, sampled_ = 0, repeated_ = 0;
};

// Jensen-Shannon divergence in bits of two lists of counts of one size; 0 when either is all zero.
double jensen_shannon(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);
// How many addresses name@host.domain the text holds.
uint64_t count_emails(std::string_view text);
// How many runs of 10 to 15 digits, in groups with spaces, hyphens or parentheses between them, or after a '+'.
uint64_t count_phones(std::string_view text);

}  // namespace espalier
