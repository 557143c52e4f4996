// Copies a plugin's static description out of its tables, checking everything: these bytes come from strangers.
#pragma once

#include <espalier/plugin.h>

#include <string>
#include <vector>

#include "core/plugin/plugin_info.h"

namespace espalier::plugin {

// Text of the ABI as a string. Throws Error(plugin, place = who) for a null pointer with a size, an absurd size, or
// bytes that are not UTF-8; `what` names the field.
std::string read_text(esp_str text, const char* what, const std::string& who);

// Every plugin of one factory. Throws Error(plugin, place = who) naming what is wrong: no id, a default that its own
// schema refuses, the same id twice, ...
std::vector<PluginInfo> read_descriptors(const esp_factory& factory, Kind kind, const std::string& who);

}  // namespace espalier::plugin
