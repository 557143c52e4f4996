#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/output.h"
#include "core/plugin/foreign_text.h"
#include "core/plugin/registry.h"

namespace espalier {
namespace {

using nlohmann::json;
using plugin::Listing;

json to_json(const Listing& item) {
  json out = {{"id", item.id()},           {"kind", item.kind()},
              {"version", item.version()}, {"path", item.path.string()},
              {"status", item.status},     {"sha256", item.sha256}};
  if (!item.shadowed_by.empty()) out["shadowed_by"] = item.shadowed_by.string();
  if (!item.same_short_name.empty()) out["same_short_name"] = item.same_short_name;
  if (!item.failed()) {
    out["short_name"] = item.info.short_name();
    out["summary"] = item.info.summary;
    out["claims"] = item.info.claim_names();
    json params = json::array();
    for (const auto& param : item.info.params)
      params.push_back({{"key", param.key},
                        {"type", param.type_name()},
                        {"default", param.default_literal},
                        {"allowed", param.allowed()},
                        {"unit", param.unit},
                        {"doc", param.doc}});
    out["params"] = params;
  }
  return out;
}

// "usable", and what a user has to know of the name; or why it is not used.
std::string remark(const plugin::Registry& registry, const Listing& item) {
  if (item.failed()) return fmt::format("{}: {}", plugin::shown(item.path), item.status);
  if (!item.usable()) return fmt::format("{} ({})", item.status, plugin::shown(item.path));
  std::string out = item.info.summary;
  if (!item.same_short_name.empty())
    out += fmt::format(" | write the whole id: '{}' is also {}", item.info.short_name(),
                       fmt::join(item.same_short_name, ", "));
  for (const auto& path : registry.shadows(item)) out += fmt::format(" | shadows {}", plugin::shown(path));
  return out;
}

int list_plugins(const std::vector<std::string>& paths, bool as_json) {
  plugin::RegistryOptions options;
  options.arguments = paths;
  const plugin::Registry registry(options);
  if (as_json) {
    json out = json::array();
    for (const auto& item : registry.list()) out.push_back(to_json(item));
    output() << dump_json(out, 2) << "\n";
    return 0;
  }
  constexpr const char* kRow = "{:<11} {:<40} {:<8} {:<9} {}\n";
  output() << fmt::format(kRow, "kind", "id", "version", "status", "what it does");
  for (const auto& item : registry.list()) {
    const std::string status = item.failed()                  ? "unusable"
                               : !item.shadowed_by.empty()    ? "shadowed"
                               : !item.usable()               ? "refused"
                               : item.same_short_name.empty() ? "ok"
                                                              : "ok, by id";
    output() << fmt::format(kRow, item.failed() ? "-" : item.kind(),
                            item.failed() ? plugin::shown(item.path.filename()) : item.id(),
                            item.failed() ? "-" : item.version(), status, remark(registry, item));
  }
  output() << "searched, the first first:\n";
  for (const auto& path : registry.paths())
    output() << fmt::format("  {} ({}){}\n", plugin::shown(path.path), plugin::shown(path.origin),
                            std::filesystem::exists(path.path) ? "" : ": does not exist");
  return 0;
}

int show_plugin(const std::vector<std::string>& paths, const std::string& name, bool as_json) {
  plugin::RegistryOptions options;
  options.arguments = paths;
  const plugin::Registry registry(options);
  const Listing* found = &registry.resolve(name, "plugin info");
  const auto& info = found->info;
  if (as_json) {
    output() << dump_json(to_json(*found), 2) << "\n";
    return 0;
  }
  output() << fmt::format("{} {} ({})\n  {}\n  library  {}\n  sha256   {}\n  licence  {}\n  claims   {}\n", info.id,
                          info.version, found->kind(), info.summary, found->path.string(), found->sha256, info.license,
                          fmt::join(info.claim_names(), ", "));
  if (!info.citation.empty()) output() << "  cite     " << info.citation << "\n";
  output() << "\n" << toml_block(info);
  return 0;
}

}  // namespace

void add_plugin_verb(Command program) {
  struct Arguments {
    std::vector<std::string> paths;
    std::string name;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb = program.add_verb("plugin", "List and describe plugins");
  Command list = verb.add_verb("list", "Every plugin that is found, usable or not, with the reason");
  Command info = verb.add_verb("info", "What a plugin does, its parameters and a TOML block to paste");
  info.add("name", args->name, "Id or short name").required();
  for (Command sub : {list, info}) {
    add_plugin_path(sub, args->paths);
    sub.add_flag("--json", args->json, "Print JSON");
  }
  list.on_chosen([=] { return list_plugins(args->paths, args->json); });
  info.on_chosen([=] { return show_plugin(args->paths, args->name, args->json); });
}

}  // namespace espalier
