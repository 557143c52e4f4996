#include "core/plugin/instance.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/plugin/call_guard.h"
#include "core/plugin/foreign_text.h"
#include "core/plugin/sized.h"
#include "core/plugin/state_stream.h"

namespace espalier::plugin {

namespace {

// Notes on leaving the scope whether a call crashed in it.
class CrashMark {
 public:
  explicit CrashMark(std::atomic<bool>& crashed) : crashed_(crashed), before_(has_crashed()) {}
  ~CrashMark() {
    if (!before_ && has_crashed()) crashed_ = true;
  }
  CrashMark(const CrashMark&) = delete;
  CrashMark& operator=(const CrashMark&) = delete;

 private:
  std::atomic<bool>& crashed_;
  bool before_;
};

}  // namespace

PluginInstance::PluginInstance(Registry& registry, Kind kind, const PluginChoice& choice, const PluginSetup& setup)
    : PluginInstance(registry, registry.resolve(kind, choice.plugin, choice.place), choice, setup) {}

PluginInstance::PluginInstance(Registry& registry, const Listing& listing, const PluginChoice& choice,
                               const PluginSetup& setup)
    : info_(listing.info), choice_(choice), host_(info_.id, setup.seed, setup.stop) {
  // Before the library is loaded: no code of the plugin sees parameters that do not fit.
  const ResolvedParams params(info_, choice, setup.run);
  library_ = registry.open(listing);
  identity_ = {.id = info_.id,
               .version = info_.version,
               .path = library_->path().string(),
               .sha256 = library_->sha256(),
               .kind = name_of(info_.kind),
               .abi_minor = library_->abi_minor(),
               .claims = info_.claims,
               .params_json = params.json(),
               .params = params.values()};
  create(params);
}

void PluginInstance::create(const ResolvedParams& params) {
  const esp_factory factory = library_->factory(info_.kind);
  const esp_config config = params.table();
  object_.struct_size = sizeof(object_);
  call_on_settings("create()", [&](esp_call* call) {
    return factory.create(call, host_.table(), to_abi(info_.id), &config, &object_, &vtable_);
  });
  if (object_.destroy != nullptr && vtable_ != nullptr) return;
  const bool nothing = object_.self == nullptr && object_.destroy == nullptr && vtable_ == nullptr;
  const bool no_destroy = object_.destroy == nullptr;
  destroy();
  throw misbehaved(nothing      ? "create() returned OK but gave no object"
                   : no_destroy ? "create() gave an object whose destroy is NULL; one that keeps nothing has an empty "
                                  "function there"
                                : "create() gave an object without a table of functions: it left *vtable NULL");
}

PluginInstance::~PluginInstance() {
  destroy();
}

void PluginInstance::destroy() noexcept {
  const auto destroy = std::exchange(object_.destroy, nullptr);
  if (destroy == nullptr || has_crashed()) return;
  try {
    bool thrown = false;
    const std::string ended = run_guarded(info_.id.c_str(), "destroy()", [&] {
      try {
        destroy(object_.self);
      } catch (...) {
        thrown = true;
      }
    });
    if (thrown) warn_line(fmt::format("{}: destroy() let a C++ exception out", info_.id));
    if (!ended.empty()) warn_line(fmt::format("{}: {} in destroy()", info_.id, ended));
  } catch (...) {  // no memory for a text: nothing is left to do
  }
}

const void* PluginInstance::extension(const char* id) const {
  const void* found = nullptr;
  if (object_.get != nullptr) call("get()", [&](esp_call*) { return found = object_.get(object_.self, id), ESP_OK; });
  return found;
}

void PluginInstance::call(const char* what, const std::function<esp_status(esp_call*)>& body) const {
  refuse_after_crash(what);
  const CrashMark mark(crashed_);
  guarded_call(host_, what, body);
}

void PluginInstance::call_on_settings(const char* what, const std::function<esp_status(esp_call*)>& body) const {
  refuse_after_crash(what);
  const CrashMark mark(crashed_);
  guarded_call(host_, what, body, [&](const std::string& message) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : choice_.params) keys.push_back(key);
    const auto at_fault = choice_.params.find(named_in(message, keys));
    const std::string& place = at_fault == choice_.params.end() ? choice_.place : at_fault->second.place;
    return Error(ErrorCode::config, message, place, "refused by " + info_.id);
  });
}

void PluginInstance::refuse_after_crash(const char* what) const {
  if (!crashed_) return;
  throw Error(ErrorCode::plugin, fmt::format("has crashed before, so {} is not called", what), info_.id);
}

Error PluginInstance::misbehaved(const std::string& why) const {
  return {ErrorCode::plugin, why, info_.id, "this is a defect of the plugin: report it to its author"};
}

std::string PluginInstance::save_state() const {
  if (object_.save == nullptr) return {};
  StateWriter writer(info_.state_version);
  const esp_out out = writer.stream();
  call("save()", [&](esp_call* call) { return object_.save(object_.self, call, &out); });
  std::string bytes = writer.finish();
  if (!bytes.empty() && info_.claims_any(ESP_CLAIM_STATELESS))
    throw misbehaved("save() wrote state although the plugin claims to have none");
  return bytes;
}

void PluginInstance::load_state(const std::string& bytes) {
  if (object_.load == nullptr && bytes.empty()) return;
  if (object_.load == nullptr) throw misbehaved("there is saved state but the plugin cannot load any");
  StateReader reader(bytes, info_.state_version, info_.id);
  const esp_in in = reader.stream();
  call("load()", [&](esp_call* call) { return object_.load(object_.self, call, reader.state_version(), &in); });
}

}  // namespace espalier::plugin
