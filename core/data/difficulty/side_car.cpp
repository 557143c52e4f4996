#include "core/data/difficulty/side_car.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/open_file.h"
#include "core/data/difficulty/npy.h"

namespace espalier {
namespace {

using nlohmann::json;

json scorer_of(const std::string& fingerprint) {
  return parse_json_or_nothing(fingerprint).value_or(json(fingerprint));
}

fs::path json_of(const fs::path& npy) {
  return npy.string() + ".json";
}

// Why the side-car cannot be used, or "".
std::string problem(const fs::path& npy, const SideCarKey& key, size_t num_documents) {
  const auto parsed = parse_json_object(read_file(json_of(npy), ErrorCode::data));
  if (!parsed) return "its .json is damaged";
  const json& info = *parsed;
  if (info.value("shard", json()) != key.shard) return "it belongs to another corpus";
  if (info.value("scorer", json()) != scorer_of(key.fingerprint)) return "another scorer made it";
  if (info.value("fitted_on", json("")) != key.fitted_on) return "its scorer was fitted on another corpus";
  if (info.value("documents", json()) != num_documents)
    return fmt::format("it has another number of documents than the shard, which has {}", num_documents);
  if (info.value("npy_sha256", json()) != sha256_file(npy, ErrorCode::data))
    return "the scores are not those that were written";
  return {};
}

}  // namespace

std::string SideCarKey::name() const {
  std::string parts = fingerprint + "\n" + fitted_on;
  for (const auto& input : inputs) parts += "\ninput " + input;
  return sha256_bytes(parts).substr(0, 16);
}

fs::path side_car_path(const fs::path& stem, const std::string& name) {
  return fmt::format("{}.{}.npy", stem.string(), name);
}

std::optional<std::vector<float>> read_side_car(const fs::path& npy, const SideCarKey& key, size_t num_documents) {
  if (!path_exists(npy) || !path_exists(json_of(npy))) return {};
  std::string why;
  try {
    why = problem(npy, key, num_documents);
    auto scores = read_npy(npy);
    if (why.empty() && scores.size() == num_documents) return scores;
    if (why.empty()) why = fmt::format("it has {} scores for {} documents", scores.size(), num_documents);
  } catch (const Error& error) {
    why = error.message();
  }
  log_warning("the difficulty scores in {} are not used: {}; they are made again", npy.string(), why);
  return {};
}

void write_side_car(const fs::path& npy, const SideCarKey& key, std::span<const float> scores) {
  write_npy(npy, scores);
  json info{{"scorer", scorer_of(key.fingerprint)},
            {"shard", key.shard},
            {"documents", scores.size()},
            {"unscored", std::count_if(scores.begin(), scores.end(), [](float s) { return std::isnan(s); })},
            {"npy_sha256", sha256_file(npy, ErrorCode::data)}};
  if (!key.fitted_on.empty()) info["fitted_on"] = key.fitted_on;
  if (!key.inputs.empty()) info["inputs"] = key.inputs;
  write_file_atomic(json_of(npy), info.dump(1), ErrorCode::data);
}

}  // namespace espalier
