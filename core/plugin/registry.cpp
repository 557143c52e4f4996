#include "core/plugin/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/text.h"

namespace espalier::plugin {
namespace {

std::string short_of(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

// In the order of the libraries: from the cache, or from one probe of all that it does not know.
std::vector<ProbeResult> probe_libraries(const std::vector<std::filesystem::path>& libraries,
                                         const RegistryOptions& options, const ProbeCache& cache) {
  std::vector<ProbeResult> results(libraries.size());
  std::vector<size_t> unknown;
  std::vector<std::filesystem::path> to_probe;
  for (size_t i = 0; i < libraries.size(); ++i) {
    results[i].path = libraries[i];
    try {
      results[i].sha256 = sha256_file(libraries[i], ErrorCode::plugin);
      if (cache.find(results[i])) continue;
    } catch (const Error&) {  // the probe says why it cannot be read
    }
    unknown.push_back(i);
    to_probe.push_back(libraries[i]);
  }
  std::vector<ProbeResult> probed = probe_in_child(options.exe, to_probe, options.timeout);
  for (size_t i = 0; i < unknown.size(); ++i) results[unknown[i]] = std::move(probed[i]);
  return results;
}

}  // namespace

Registry::Registry(const RegistryOptions& options)
    : exe_(options.exe), paths_(search_paths(options.arguments, options.configured, options.prefix)) {
  probe_all(options);
}

Registry::Registry(const std::filesystem::path& library, const std::string& sha256) {
  const auto opened = PluginLibrary::open(library, sha256);
  add({library, opened->sha256(), "ok", opened->plugins()});
}

void Registry::probe_all(const RegistryOptions& options) {
  ProbeCache cache(options.cache);
  for (const ProbeResult& result : probe_libraries(find_libraries(paths_), options, cache)) {
    cache.add(result);
    add(result);
  }
  cache.save();
}

void Registry::add(const ProbeResult& result) {
  if (!result.ok()) {
    listings_.push_back({{}, result.path, result.sha256, result.status});
    return;
  }
  for (const PluginInfo& info : result.plugins) {
    const auto same = std::find_if(listings_.begin(), listings_.end(), [&](const Listing& other) {
      return other.usable() && other.info.kind == info.kind && other.info.id == info.id;
    });
    const std::string status = same == listings_.end() ? "ok" : "shadowed by " + same->path.string();
    listings_.push_back({info, result.path, result.sha256, status});
  }
}

const Listing& Registry::resolve(Kind kind, const std::string& name, const std::string& place) const {
  for (const Listing& listing : listings_) {
    // A broken library of that name comes first: say so before falling back to another file.
    if (listing.failed() && listing.path.stem().string() == short_of(name))
      log_warning("plugin {}: {}", listing.path.string(), listing.status);
    if (listing.usable() && listing.info.kind == kind && (listing.info.id == name || listing.info.short_name() == name))
      return listing;
  }
  refuse(kind, name, place);
}

void Registry::refuse(Kind kind, const std::string& name, const std::string& place) const {
  std::vector<std::string> ids, short_names;
  std::string hint;
  for (const Listing& listing : listings_) {
    if (listing.failed() && listing.path.stem().string() == short_of(name))
      throw Error(ErrorCode::plugin,
                  fmt::format("the {} plugin '{}' cannot be used: {} {}", name_of(kind), name, listing.path.string(),
                              listing.status),
                  place, "`espalier plugin list` shows every plugin and its status");
    if (!listing.usable()) continue;
    if (listing.info.kind == kind) {
      ids.push_back(listing.info.id);
      short_names.push_back(listing.info.short_name());
    } else if (listing.info.id == name || listing.info.short_name() == name) {
      hint = fmt::format("'{}' is a {} plugin", name, name_of(listing.info.kind));
    }
  }
  if (hint.empty()) hint = did_you_mean(name, short_names);
  if (hint.empty()) hint = did_you_mean(name, ids);
  if (hint.empty() && ids.empty()) {
    std::vector<std::string> folders;
    for (const SearchPath& path : paths_) folders.push_back(path.path.string());
    hint = fmt::format("searched {}", fmt::join(folders, ", "));
  }
  const std::string available =
      ids.empty() ? fmt::format("there are no {} plugins", name_of(kind))
                  : fmt::format("available {} plugins: {}", name_of(kind), fmt::join(short_names, ", "));
  throw Error(ErrorCode::plugin, fmt::format("no {} plugin '{}'; {}", name_of(kind), name, available), place, hint);
}

std::shared_ptr<PluginLibrary> Registry::open(const Listing& listing) {
  std::weak_ptr<PluginLibrary>& known = open_[listing.path];
  if (auto library = known.lock()) return library;
  auto library = PluginLibrary::open(listing.path, listing.sha256);
  known = library;
  return library;
}

}  // namespace espalier::plugin
