#include "core/data/shards/shard_manifest.h"

#include <fmt/format.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/open_file.h"
#include "core/data/shards/shard_sums.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr int kShardFormat = 2;

json to_json(const ShardTotals& totals) {
  json out{{"documents", totals.documents}, {"tokens", totals.tokens}, {"bytes", totals.bytes}};
  const std::pair<const char*, uint64_t> counts[] = {
      {"duplicates", totals.duplicates}, {"in_validation", totals.in_validation}, {"empty", totals.empty},
      {"invalid", totals.invalid},       {"filtered", totals.filtered},           {"repaired", totals.repaired}};
  for (const auto& [name, count] : counts)
    if (count > 0) out[name] = count;
  if (!totals.languages.empty()) out["languages"] = totals.languages;
  if (!totals.licenses.empty()) out["licenses"] = totals.licenses;
  return out;
}

// Throws json exceptions.
ShardTotals totals_from(const json& in) {
  ShardTotals totals;
  totals.documents = in.at("documents");
  totals.tokens = in.at("tokens");
  totals.bytes = in.at("bytes");
  totals.duplicates = in.value("duplicates", uint64_t{0});
  totals.in_validation = in.value("in_validation", uint64_t{0});
  totals.empty = in.value("empty", uint64_t{0});
  totals.invalid = in.value("invalid", uint64_t{0});
  totals.filtered = in.value("filtered", uint64_t{0});
  totals.repaired = in.value("repaired", uint64_t{0});
  if (in.contains("languages")) totals.languages = in.at("languages").get<std::map<std::string, uint64_t>>();
  if (in.contains("licenses")) totals.licenses = in.at("licenses").get<std::map<std::string, uint64_t>>();
  return totals;
}

// Nothing when there is no such file; it is damaged, or of an earlier version: then that is said.
std::optional<json> read_sealed(const fs::path& path) {
  if (!path_exists(path)) return std::nullopt;
  auto read = open_sealed_json(read_file(path, ErrorCode::data));
  if (read && read->value("format", json()) == kShardFormat) return read;
  log_warning("{} is damaged or of an earlier version of Espalier; its data is prepared again", path.string());
  return std::nullopt;
}

bool shards_exist(const fs::path& stem, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    for (const char* suffix : {".idx", ".bin", ".sums"})
      if (!path_exists(shard_stem(stem, i).string() + suffix)) return false;
  return true;
}

fs::path manifest_of(const fs::path& stem) {
  return stem.string() + ".json";
}
fs::path partial_of(const fs::path& stem) {
  return stem.string() + ".part.json";
}

}  // namespace

fs::path shard_stem(const fs::path& stem, uint64_t i) {
  return i == 0 ? stem : fs::path(fmt::format("{}.{:05}", stem.string(), i));
}

std::optional<ShardManifest> read_manifest(const fs::path& stem) {
  const auto read = read_sealed(manifest_of(stem));
  if (!read) return std::nullopt;
  const json& in = *read;
  try {
    ShardManifest manifest;
    manifest.totals = totals_from(in);
    manifest.num_shards = in.value("shards", uint64_t{1});
    manifest.in_place = in.value("in_place", false);
    manifest.tokenizer = in.value("tokenizer", "");
    manifest.key = in.value("key", "");
    if (manifest.in_place ? !path_exists(sums_path(stem)) : !shards_exist(stem, manifest.num_shards))
      return std::nullopt;
    return manifest;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void write_manifest(const fs::path& stem, const ShardManifest& manifest) {
  json out = to_json(manifest.totals);
  out["tokenizer"] = manifest.tokenizer;
  out["format"] = kShardFormat;
  out["key"] = manifest.key;
  if (manifest.in_place) out["in_place"] = true;
  if (manifest.num_shards > 1) out["shards"] = manifest.num_shards;
  write_file_atomic(manifest_of(stem), sealed_json(std::move(out)), ErrorCode::data);
  std::error_code ignored;
  fs::remove(partial_of(stem), ignored);
}

std::optional<PartialShards> read_partial(const fs::path& stem) {
  const auto read = read_sealed(partial_of(stem));
  if (!read) return std::nullopt;
  const json& in = *read;
  try {
    PartialShards partial;
    partial.totals = totals_from(in.at("totals"));
    partial.num_shards = in.at("shards");
    partial.file = in.at("file");
    partial.line = in.at("line");
    if (!shards_exist(stem, partial.num_shards)) return std::nullopt;
    return partial;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void write_partial(const fs::path& stem, const PartialShards& partial) {
  json out{{"totals", to_json(partial.totals)},
           {"format", kShardFormat},
           {"shards", partial.num_shards},
           {"file", partial.file},
           {"line", partial.line}};
  write_file_atomic(partial_of(stem), sealed_json(std::move(out)), ErrorCode::data);
}

}  // namespace espalier
