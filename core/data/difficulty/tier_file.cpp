#include "core/data/difficulty/tier_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/data/difficulty/doc_batches.h"
#include "core/data/text/file_format.h"

namespace espalier {
namespace {

constexpr size_t kHashDigits = 16;
constexpr int kNoTier = -1;

struct Line {
  std::string place;
  std::string source, hash;
  int64_t document = -1, tier = -1;
};

Error refused(const std::string& place, const std::string& what, const std::string& hint = {}) {
  return {ErrorCode::data, what, place, hint};
}

int64_t number(const std::string& text, const std::string& place, const char* what) {
  int64_t value = 0;
  const auto end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, value); read.ec != std::errc() || read.ptr != end)
    throw refused(place, fmt::format("{} is not a whole number: \"{}\"", what, text));
  return value;
}

Line from_json(const std::string& text, const std::string& place) {
  const auto parsed = parse_json_object(text);
  if (!parsed) throw refused(place, "is not a JSON object");
  const nlohmann::json& object = *parsed;
  Line line{place, {}, {}};
  for (const char* key : {"document", "tier"})
    if (object.contains(key) && !object[key].is_number_integer())
      throw refused(place, fmt::format("{} is not a whole number: {}", key, object[key].dump()));
  try {
    line.source = object.value("source", std::string());
    line.hash = object.value("hash", std::string());
    line.document = object.value("document", int64_t{-1});
    line.tier = object.at("tier").get<int64_t>();
  } catch (const nlohmann::json::exception&) {
    throw refused(place, "needs a whole number `tier`, and `source` and `document`, or `hash`");
  }
  return line;
}

Line from_csv(const std::vector<std::string>& header, const std::string& text, const std::string& place) {
  const auto cells = split(text, ',');
  if (cells.size() != header.size())
    throw refused(place, fmt::format("has {} cells, the header {}", cells.size(), header.size()));
  Line line{place, {}, {}};
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i] == "source") line.source = cells[i];
    if (header[i] == "hash") line.hash = cells[i];
    if (header[i] == "document") line.document = number(cells[i], place, "document");
    if (header[i] == "tier") line.tier = number(cells[i], place, "tier");
  }
  return line;
}

std::vector<Line> read_lines(const fs::path& path) {
  const auto texts = split(read_text_file(path), '\n');
  std::vector<Line> lines;
  std::optional<std::vector<std::string>> header;
  const bool json = !texts.empty() && texts.front().starts_with('{');
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string text = texts[i];
    if (text.ends_with('\r')) text.pop_back();
    if (text.find_first_not_of(" \t") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", path.string(), i + 1);
    if (json) {
      lines.push_back(from_json(text, place));
    } else if (!header) {
      header = split(text, ',');
      if (std::find(header->begin(), header->end(), "tier") == header->end())
        throw refused(place, "the header has no column `tier`", "write `source,document,tier` or `hash,tier`");
    } else {
      lines.push_back(from_csv(*header, text, place));
    }
  }
  return lines;
}

// The documents of each hash; copies of one text share it.
using ByHash = std::multimap<std::string, std::pair<size_t, size_t>>;

ByHash hash_documents(const std::vector<ScoredShard>& shards, const Tokenizer& tokenizer) {
  ByHash out;
  for (size_t s = 0; s < shards.size(); ++s)
    for (size_t d = 0; d < shards[s].shard->num_documents(); ++d)
      out.emplace(sha256_bytes(document_text(*shards[s].shard, d, tokenizer)).substr(0, kHashDigits), std::pair(s, d));
  return out;
}

}  // namespace

std::vector<std::vector<uint8_t>> read_tier_file(const fs::path& path, const std::vector<ScoredShard>& shards,
                                                 const Tokenizer& tokenizer, int64_t num_tiers) {
  const std::vector<Line> lines = read_lines(path);
  std::map<std::string, size_t> sources;
  std::vector<std::vector<int>> found;
  for (const auto& shard : shards) {
    sources[shard.source] = found.size();
    found.emplace_back(shard.shard->num_documents(), kNoTier);
  }
  const bool hashed = std::any_of(lines.begin(), lines.end(), [](const Line& line) { return !line.hash.empty(); });
  const ByHash by_hash = hashed ? hash_documents(shards, tokenizer) : ByHash();
  const auto assign = [&](const Line& line, size_t source, size_t document) {
    int& tier = found[source][document];
    if (tier != kNoTier && tier != line.tier)
      throw refused(line.place, fmt::format("document {} of source \"{}\" already has tier {}", document,
                                            shards[source].source, tier));
    tier = static_cast<int>(line.tier);
  };
  for (const auto& line : lines) {
    if (line.tier < 0 || line.tier >= num_tiers)
      throw refused(line.place, fmt::format("tier {} is not between 0 and {}", line.tier, num_tiers - 1),
                    "difficulty.tiers says how many there are");
    if (!line.hash.empty()) {
      const auto [first, last] = by_hash.equal_range(line.hash.substr(0, kHashDigits));
      if (first == last || line.hash.size() < kHashDigits)
        throw refused(line.place, fmt::format("no document has the hash {}", line.hash));
      for (auto it = first; it != last; ++it) assign(line, it->second.first, it->second.second);
      continue;
    }
    const auto source = sources.find(line.source);
    if (source == sources.end()) throw refused(line.place, fmt::format("there is no source \"{}\"", line.source));
    const size_t count = found[source->second].size();
    if (line.document < 0 || static_cast<size_t>(line.document) >= count)
      throw refused(line.place,
                    fmt::format("source \"{}\" has no document {}; it has {}", line.source, line.document, count));
    assign(line, source->second, static_cast<size_t>(line.document));
  }
  std::vector<std::vector<uint8_t>> tiers;
  for (size_t s = 0; s < found.size(); ++s) {
    const auto missing = std::find(found[s].begin(), found[s].end(), kNoTier);
    if (missing != found[s].end())
      throw refused(path.string(),
                    fmt::format("gives no tier to document {} of source \"{}\" ({} of its {} documents have none)",
                                missing - found[s].begin(), shards[s].source,
                                std::count(missing, found[s].end(), kNoTier), found[s].size()),
                    "list every training document");
    tiers.emplace_back(found[s].begin(), found[s].end());
  }
  return tiers;
}

}  // namespace espalier
