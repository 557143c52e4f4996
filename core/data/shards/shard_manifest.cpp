#include "core/data/shards/shard_manifest.h"

#include <fmt/format.h>

#include "core/base/file.h"
#include "core/base/json_number.h"
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

// These throw json exceptions.
std::map<std::string, uint64_t> labels_from(const json& in, const char* key) {
  std::map<std::string, uint64_t> out;
  if (in.contains(key))
    for (const auto& [label, count] : in[key].get_ref<const json::object_t&>())
      out[label] = whole_number<uint64_t>(count);
  return out;
}

ShardTotals totals_from(const json& in) {
  const auto optional = [&](const char* key) { return in.contains(key) ? whole_number<uint64_t>(in[key]) : 0; };
  ShardTotals totals;
  totals.documents = whole_number<uint64_t>(in.at("documents"));
  totals.tokens = whole_number<uint64_t>(in.at("tokens"));
  totals.bytes = whole_number<uint64_t>(in.at("bytes"));
  totals.duplicates = optional("duplicates");
  totals.in_validation = optional("in_validation");
  totals.empty = optional("empty");
  totals.invalid = optional("invalid");
  totals.filtered = optional("filtered");
  totals.repaired = optional("repaired");
  totals.languages = labels_from(in, "languages");
  totals.licenses = labels_from(in, "licenses");
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
    manifest.num_shards = in.contains("shards") ? whole_number<uint64_t>(in["shards"]) : 1;
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
    partial.num_shards = whole_number<uint64_t>(in.at("shards"));
    partial.file = whole_number<uint64_t>(in.at("file"));
    partial.line = whole_number<uint64_t>(in.at("line"));
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
