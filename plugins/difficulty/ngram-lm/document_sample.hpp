// A sample of documents, bounded in bytes, that depends on the set of documents alone.
#pragma once

#include <espalier/cpp/state.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "../common/hash.hpp"

namespace ngram {

/// Keeps the documents whose hashes are smallest, as many as fit: a document is in the sample if all documents up to
/// it, in the order of the hashes, fit into `max_bytes`. Equal documents count once. So neither order nor split
/// matters, and merging is associative, commutative and idempotent.
class DocumentSample {
 public:
  /// Of each document the first `max_document_bytes` are taken.
  DocumentSample(std::size_t max_bytes, std::size_t max_document_bytes)
      : max_bytes_(max_bytes), max_document_bytes_(std::min(max_document_bytes, max_bytes)) {}

  /// What decides about a document.
  std::uint64_t hash_of(std::string_view text) const {
    return espalier::sdk::hash64(text.substr(0, max_document_bytes_));
  }

  void add(std::string_view text) {
    text = text.substr(0, max_document_bytes_);
    const std::uint64_t hash = hash_of(text);
    if (text.empty() || hash >= cut_) return;
    const auto [place, is_new] = texts_.try_emplace(hash, text);
    if (is_new) bytes_ += place->second.size();
    trim();
  }

  void merge(const DocumentSample& other) {
    cut_ = std::min(cut_, other.cut_);
    for (const auto& [hash, text] : other.texts_) {
      if (texts_.try_emplace(hash, text).second) bytes_ += text.size();
    }
    trim();
  }

  std::size_t bytes() const { return bytes_; }
  /// Calls visit(hash, std::string_view) for each document of the sample, in the order of the hashes.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [hash, text] : texts_) visit(hash, std::string_view(text));
  }

  void save(espalier::sdk::Writer& out) const {
    out.u64(cut_);
    out.u64(texts_.size());
    for (const auto& [hash, text] : texts_) out.text(text);
  }

  /// Throws Error for damaged bytes; *this is then unchanged.
  void load(espalier::sdk::Reader& in) {
    DocumentSample read(max_bytes_, max_document_bytes_);
    read.cut_ = in.u64();
    for (std::uint64_t left = in.u64(); left > 0; --left) {
      const std::string text = in.text();
      const std::uint64_t hash = espalier::sdk::hash64(text);
      if (hash >= read.cut_ || (!read.texts_.empty() && hash <= read.texts_.rbegin()->first)) {
        throw espalier::sdk::data_loss("the saved sample of documents is damaged");
      }
      read.texts_.emplace(hash, text);
      read.bytes_ += text.size();
    }
    read.trim();
    *this = std::move(read);
  }

 private:
  /// Removes the largest hashes until the rest fits; from then on only smaller hashes may come in.
  void trim() {
    while (!texts_.empty() && (bytes_ > max_bytes_ || texts_.rbegin()->first >= cut_)) {
      const auto last = std::prev(texts_.end());
      cut_ = std::min(cut_, last->first);
      bytes_ -= last->second.size();
      texts_.erase(last);
    }
  }

  std::size_t max_bytes_, max_document_bytes_;
  std::uint64_t cut_ = std::numeric_limits<std::uint64_t>::max();
  std::size_t bytes_ = 0;
  std::map<std::uint64_t, std::string> texts_;
};

}  // namespace ngram
