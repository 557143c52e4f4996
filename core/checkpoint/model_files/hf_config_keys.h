// Which keys of a config.json change nothing in what a model computes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace espalier {

// Whatever its value: bookkeeping, settings of training, of generation, of task heads, of how transformers computes.
bool is_harmless_key(const std::string& model_type, const std::string& key);
// The one value of `key` with which it changes nothing, as JSON; nothing for a key that is not known.
std::optional<nlohmann::json> neutral_value(const std::string& model_type, const std::string& key);

}  // namespace espalier
