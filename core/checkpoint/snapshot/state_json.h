// The parts of a checkpoint that are JSON: counters, lineage, plugins.
#pragma once

#include "core/base/json.h"
#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {

nlohmann::json spec_to_json(const ModelSpec& spec);
nlohmann::json lineage_to_json(const std::vector<GrowthEvent>& lineage);
std::vector<GrowthEvent> lineage_from_json(const nlohmann::json& json, const std::string& place);
nlohmann::json plugins_to_json(const std::vector<PluginRecord>& plugins);
nlohmann::json initial_to_json(const InitialWeights& initial);
// These throw Error(checkpoint) at `place`.
InitialWeights initial_from_json(const nlohmann::json& json, const std::string& place);
std::vector<PluginRecord> plugins_from_json(const nlohmann::json& json, const std::string& place);

}  // namespace espalier
