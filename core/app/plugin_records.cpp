#include "core/app/plugin_records.h"

#include "core/base/log.h"

namespace espalier {

PluginRecord record_of(const std::string& slot, const plugin::PluginIdentity& identity) {
  return {slot, identity.id, identity.version, identity.sha256, identity.params_json, identity.path};
}

std::vector<plugin::PluginOrigin> origins_of(const std::vector<PluginRecord>& records) {
  std::vector<plugin::PluginOrigin> out;
  for (const auto& record : records) out.push_back({record.id, record.version, record.sha256, record.path});
  return out;
}

void log_plugins(const std::vector<PluginRecord>& records, const plugin::Registry& registry) {
  for (const auto& record : records) {
    log_info("{}: {} {} from {}, sha256 {}", record.slot, record.id, record.version, record.path, record.sha256);
    for (const auto& listing : registry.list())
      if (listing.id() == record.id && listing.path == record.path)
        for (const auto& other : registry.shadows(listing))
          log_info("  not used, though it has the same id: {}", other.string());
  }
}

}  // namespace espalier
