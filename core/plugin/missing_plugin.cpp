#include "core/plugin/missing_plugin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/plugin/foreign_text.h"

namespace espalier::plugin {
namespace {

bool wanted(const MissingPlugin& asked, Kind kind) {
  return std::find(asked.kinds.begin(), asked.kinds.end(), kind) != asked.kinds.end();
}

bool goes_by(const Listing& listing, const std::string& name) {
  return listing.info.id == name || listing.info.short_name() == name;
}

// "growth plugin", or "plugin" where any kind would do.
std::string kind_text(const MissingPlugin& asked) {
  return asked.kinds.size() == 1 ? fmt::format("{} plugin", name_of(asked.kinds.front())) : "plugin";
}

std::string searched(const MissingPlugin& asked) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const SearchPath& path : asked.paths)
    out.push_back(shown(path.path) + (std::filesystem::exists(path.path, ignored) ? "" : " (does not exist)"));
  return fmt::format("searched {}", fmt::join(out, ", "));
}

std::string available(const MissingPlugin& asked) {
  std::string out;
  for (const Kind kind : asked.kinds) {
    std::vector<std::string> names;
    for (const Listing& listing : asked.listings)
      if (listing.usable() && listing.info.kind == kind)
        names.push_back(listing.same_short_name.empty() ? listing.info.short_name() : listing.info.id);
    out += names.empty() ? fmt::format("; there are no {} plugins", name_of(kind))
                         : fmt::format("; available {} plugins: {}", name_of(kind), fmt::join(names, ", "));
  }
  return out;
}

// Any of these may be what was meant.
std::string unusable(const MissingPlugin& asked) {
  constexpr size_t kShown = 5;
  std::vector<std::string> out;
  for (const Listing& listing : asked.listings)
    if (listing.failed()) out.push_back(fmt::format("{}: {}", shown(listing.path), listing.status));
  if (out.empty()) return "";
  const size_t more = out.size() - std::min(out.size(), kShown);
  out.resize(out.size() - more);
  return fmt::format("\n  cannot be used: {}{}", fmt::join(out, "\n  cannot be used: "),
                     more == 0 ? "" : fmt::format("\n  and {} more; see `espalier plugin list`", more));
}

// What the checkpoint of the run knows of it.
std::string origin(const MissingPlugin& asked) {
  for (const PluginOrigin& plugin : asked.resumed)
    if (plugin.id == asked.name || short_of(plugin.id) == asked.name)
      return fmt::format("\n  the checkpoint was written with {} {}, sha256 {}{}", plugin.id, plugin.version,
                         plugin.sha256, plugin.path.empty() ? "" : ", from " + plugin.path);
  return "";
}

std::string hint_for(const MissingPlugin& asked, bool resumed) {
  std::vector<std::string> names, ids;
  for (const Listing& listing : asked.listings) {
    if (!listing.usable()) continue;
    if (!wanted(asked, listing.info.kind) && goes_by(listing, asked.name))
      return fmt::format("'{}' is a {} plugin", asked.name, name_of(listing.info.kind));
    if (!wanted(asked, listing.info.kind)) continue;
    names.push_back(listing.info.short_name());
    ids.push_back(listing.info.id);
  }
  if (resumed) return searched(asked) + "; name another folder with --plugin-path";
  std::string hint = did_you_mean(asked.name, names);
  if (hint.empty()) hint = did_you_mean(asked.name, ids);
  return hint.empty() ? searched(asked) : hint;
}

}  // namespace

std::string short_of(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

Error missing_plugin(const MissingPlugin& asked) {
  const std::string then = origin(asked);
  for (const Listing& listing : asked.listings) {
    const bool broken = listing.failed() && listing.path.stem().string() == short_of(asked.name);
    const bool refused =
        !listing.failed() && !listing.usable() && wanted(asked, listing.info.kind) && goes_by(listing, asked.name);
    if (broken || refused)
      return {ErrorCode::plugin,
              fmt::format("the {} '{}' cannot be used: {} {}{}", kind_text(asked), asked.name, shown(listing.path),
                          listing.status, then),
              asked.place, "`espalier plugin list` shows every plugin and its status"};
  }
  return {ErrorCode::plugin,
          fmt::format("no {} '{}'{}{}{}", kind_text(asked), asked.name, available(asked), then, unusable(asked)),
          asked.place, hint_for(asked, !then.empty())};
}

Error ambiguous_name(const std::vector<const Listing*>& found, const std::string& name, const std::string& place) {
  std::string list;
  for (const Listing* listing : found) list += fmt::format("\n  {} ({})", listing->info.id, shown(listing->path));
  return {ErrorCode::plugin, fmt::format("'{}' is the short name of {} plugins:{}", name, found.size(), list), place,
          "write the whole id of the one that you mean"};
}

}  // namespace espalier::plugin
