// The errors of a name that means no plugin, or several.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/plugin/registry.h"

namespace espalier::plugin {

// "org.espalier.growth.midas" -> "midas".
std::string short_of(const std::string& name);

// Who asked for what, and all that could have been it.
struct MissingPlugin {
  const std::vector<Kind>& kinds;
  const std::string& name;
  const std::string& place;
  const std::vector<Listing>& listings;
  const std::vector<SearchPath>& paths;
  const std::vector<PluginOrigin>& resumed;
};

Error missing_plugin(const MissingPlugin& asked);
Error ambiguous_name(const std::vector<const Listing*>& found, const std::string& name, const std::string& place);

}  // namespace espalier::plugin
