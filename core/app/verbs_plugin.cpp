#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/app/verbs.h"
#include "core/base/json_object.h"
#include "core/plugin/registry.h"

namespace espalier {
namespace {

using nlohmann::json;
using plugin::Listing;

json to_json(const Listing& item) {
  json out = {{"id", item.id()},           {"kind", item.kind()},
              {"version", item.version()}, {"path", item.path.string()},
              {"status", item.status},     {"sha256", item.sha256}};
  if (!item.failed()) {
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

int list_plugins(const std::vector<std::string>& paths, bool as_json) {
  plugin::RegistryOptions options;
  options.arguments = paths;
  const plugin::Registry registry(options);
  if (as_json) {
    json out = json::array();
    for (const auto& item : registry.list()) out.push_back(to_json(item));
    std::cout << dump_json(out, 2) << "\n";
    return 0;
  }
  std::cout << fmt::format("{:<12} {:<12} {:<8} {:<10} {}\n", "kind", "name", "version", "status", "what it does");
  for (const auto& item : registry.list()) {
    if (item.failed())
      std::cout << fmt::format("{:<12} {:<12} {:<8} {:<10} {}: {}\n", "-", item.path.filename().string(), "-",
                               "unusable", item.path.string(), item.status);
    else
      std::cout << fmt::format("{:<12} {:<12} {:<8} {:<10} {}\n", item.kind(), item.info.short_name(), item.version(),
                               item.usable() ? "ok" : "shadowed", item.usable() ? item.info.summary : item.status);
  }
  return 0;
}

int show_plugin(const std::vector<std::string>& paths, const std::string& name, bool as_json) {
  plugin::RegistryOptions options;
  options.arguments = paths;
  const plugin::Registry registry(options);
  const Listing* found = nullptr;
  for (const auto& item : registry.list())
    if (found == nullptr && item.usable() && (item.id() == name || item.info.short_name() == name)) found = &item;
  if (found == nullptr) registry.resolve(plugin::Kind::growth, name, "plugin info");  // throws, listing what there is
  const auto& info = found->info;
  if (as_json) {
    std::cout << dump_json(to_json(*found), 2) << "\n";
    return 0;
  }
  std::cout << fmt::format("{} {} ({})\n  {}\n  library  {}\n  sha256   {}\n  licence  {}\n  claims   {}\n", info.id,
                           info.version, found->kind(), info.summary, found->path.string(), found->sha256, info.license,
                           fmt::join(info.claim_names(), ", "));
  if (!info.citation.empty()) std::cout << "  cite     " << info.citation << "\n";
  std::cout << "\n" << toml_block(info);
  return 0;
}

}  // namespace

void add_plugin_verb(CLI::App& app, Action& action) {
  struct Arguments {
    std::vector<std::string> paths;
    std::string name;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  auto* verb = app.add_subcommand("plugin", "List and describe plugins");
  verb->require_subcommand(1);
  auto* list = verb->add_subcommand("list", "Every plugin that is found, usable or not, with the reason");
  auto* info = verb->add_subcommand("info", "What a plugin does, its parameters and a TOML block to paste");
  info->add_option("name", args->name, "Id or short name")->required();
  for (auto* sub : {list, info}) {
    add_plugin_path(*sub, args->paths);
    sub->add_flag("--json", args->json, "Print JSON");
  }
  list->callback([=, &action] { action = [=] { return list_plugins(args->paths, args->json); }; });
  info->callback([=, &action] { action = [=] { return show_plugin(args->paths, args->name, args->json); }; });
}

}  // namespace espalier
