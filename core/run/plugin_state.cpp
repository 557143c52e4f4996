#include "core/run/plugin_state.h"

#include "core/base/log.h"

namespace espalier {
namespace {

std::string plugin_then(const Snapshot& snapshot, const std::string& slot) {
  for (const auto& plugin : snapshot.plugins)
    if (plugin.slot == slot) return plugin.id;
  return {};
}

std::string plugin_now(const PluginUses& now, const std::string& slot) {
  for (const auto& use : now)
    if (use.slot == slot) return use.identity.id;
  return {};
}

// The bytes of a slot, unless they are another plugin's.
const std::string* state_of(const PluginUses& now, const Snapshot& snapshot, const std::string& slot) {
  const auto found = snapshot.plugin_state.find(slot);
  if (found == snapshot.plugin_state.end()) return nullptr;
  return plugin_then(snapshot, slot) == plugin_now(now, slot) ? &found->second : nullptr;
}

void load_slot(const PluginUses& now, const Snapshot& snapshot, const char* slot, auto* object) {
  const std::string* bytes = state_of(now, snapshot, slot);
  if (object != nullptr && bytes != nullptr) object->load_state(*bytes);
}

}  // namespace

std::map<std::string, std::string> save_plugin_state(const Decisions& decisions, std::vector<std::string>* left_out) {
  std::map<std::string, std::string> out;
  const auto save = [&](const char* slot, auto* object) {
    if (object == nullptr) return;
    try {
      std::string bytes = object->save_state();
      if (!bytes.empty()) out[slot] = std::move(bytes);
    } catch (const std::exception& error) {
      if (left_out == nullptr) throw;
      left_out->push_back(slot);
      log_warning("{}: its state cannot be saved and is left out: {}", slot, error.what());
    }
  };
  save("growth", decisions.strategy);
  save("schedule.growth", decisions.growth);
  save("schedule.lr", decisions.lr);
  save("schedule.mixture", decisions.mixture);
  return out;
}

void load_planned_state(const Decisions& decisions, const PluginUses& now, const Snapshot& snapshot) {
  load_slot(now, snapshot, "schedule.lr", decisions.lr);
  load_slot(now, snapshot, "schedule.mixture", decisions.mixture);
}

void load_plugin_state(const Decisions& decisions, const PluginUses& now, const Snapshot& snapshot) {
  load_slot(now, snapshot, "growth", decisions.strategy);
  load_slot(now, snapshot, "schedule.growth", decisions.growth);
  for (const auto& slot : snapshot.left_out)
    log_warning("{}: the checkpoint lacks its state, which could not be saved; it starts afresh", slot);
  for (const auto& [slot, bytes] : snapshot.plugin_state)
    if (const std::string id = plugin_now(now, slot); state_of(now, snapshot, slot) == nullptr)
      log_warning("{}: the state in the checkpoint is of {}; {}", slot, plugin_then(snapshot, slot),
                  id.empty() ? "there is no such plugin now" : id + " starts afresh");
}

}  // namespace espalier
