#include "core/plugin/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/plugin/foreign_text.h"
#include "core/plugin/missing_plugin.h"

namespace espalier::plugin {
namespace {

namespace fs = std::filesystem;

// In the order of the libraries: from the cache, or from one probe of all that it does not know.
std::vector<ProbeResult> probe_libraries(const std::vector<fs::path>& libraries, const RegistryOptions& options,
                                         const ProbeCache& cache) {
  std::vector<ProbeResult> results(libraries.size());
  std::vector<size_t> unknown;
  std::vector<fs::path> to_probe;
  for (size_t i = 0; i < libraries.size(); ++i) {
    results[i].path = libraries[i];
    try {
      results[i].sha256 = LibraryImage::read(libraries[i]).sha256;
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

// Host names know no case, so neither does the reservation.
bool reserved(const std::string& id) {
  const std::string_view prefix = kReservedPrefix;
  return id.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), id.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

// In the folder, by itself or by a link from there.
bool lies_in(const fs::path& library, const fs::path& folder) {
  std::error_code ignored;
  const fs::path wanted = fs::weakly_canonical(folder, ignored);
  return fs::weakly_canonical(library.parent_path(), ignored) == wanted ||
         fs::weakly_canonical(library, ignored).parent_path() == wanted;
}

// A library that a checkpoint was written with is looked for where it lay then, after everywhere else: what only a
// variable of that shell named is found again.
void add_where_they_lay(const std::vector<PluginOrigin>& resumed, std::vector<SearchPath>& paths) {
  std::error_code ignored;
  for (const PluginOrigin& plugin : resumed)
    if (!reserved(plugin.id) && !plugin.path.empty() && fs::is_regular_file(plugin.path, ignored))
      paths.push_back({plugin.path, "the checkpoint", false});
}

}  // namespace

Registry::Registry(const RegistryOptions& options)
    : exe_(options.exe),
      resumed_(options.resumed),
      paths_(search_paths(options.arguments, options.configured, options.prefix, !options.resumed.empty())) {
  add_where_they_lay(resumed_, paths_);
  probe_all(options);
  settle(options.shipped.empty() ? shipped_folder(options.prefix) : options.shipped);
}

Registry::Registry(const fs::path& library, const std::string& sha256) {
  const auto opened = PluginLibrary::open(library, sha256);
  add({library, opened->sha256(), "ok", opened->plugins()});
  open_[listings_.front().path] = opened;
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
  if (!result.ok()) listings_.push_back({{}, result.path, result.sha256, result.status});
  if (!result.ok()) return;
  for (const PluginInfo& info : result.plugins) listings_.push_back({info, result.path, result.sha256, "ok"});
}

// Decides which of several that want one name has it.
void Registry::settle(const fs::path& shipped) {
  const auto same_plugin = [](const Listing& a, const Listing& b) {
    return !a.failed() && a.info.kind == b.info.kind && a.info.id == b.info.id;
  };
  for (Listing& listing : listings_) {
    if (listing.failed() || !reserved(listing.info.id) || lies_in(listing.path, shipped)) continue;
    listing.status = fmt::format(
        "refused: ids that begin with {} belong to the plugins that come with Espalier, in {}; give it an id of your "
        "own",
        kReservedPrefix, shipped.string());
    for (const Listing& other : listings_)
      if (same_plugin(other, listing) && other.sha256 == listing.sha256 && lies_in(other.path, shipped)) {
        listing.shadowed_by = other.path;
        listing.status = fmt::format("shadowed by {}, of which it is a copy", shown(other.path));
      }
  }
  for (size_t i = 0; i < listings_.size(); ++i)
    for (size_t j = 0; j < i && listings_[i].usable(); ++j)
      if (listings_[j].usable() && same_plugin(listings_[i], listings_[j])) {
        listings_[i].shadowed_by = listings_[j].path;
        listings_[i].status = "shadowed by " + shown(listings_[j].path);
      }
  for (Listing& listing : listings_)
    for (const Listing& other : listings_)
      if (listing.usable() && other.usable() && !listing.failed() && other.info.kind == listing.info.kind &&
          other.info.id != listing.info.id && other.info.short_name() == listing.info.short_name())
        listing.same_short_name.push_back(other.info.id);
}

const Listing& Registry::resolve(Kind kind, const std::string& name, const std::string& place) const {
  return choose({kind}, name, place);
}

const Listing& Registry::resolve(const std::string& name, const std::string& place) const {
  return choose({std::begin(kAllKinds), std::end(kAllKinds)}, name, place);
}

const Listing& Registry::choose(const std::vector<Kind>& kinds, const std::string& name,
                                const std::string& place) const {
  std::vector<const Listing*> by_id, by_short_name;
  for (const Listing& listing : listings_) {
    // A broken library of that name comes first: say so before falling back to another file.
    if (listing.failed() && by_id.empty() && by_short_name.empty() && listing.path.stem().string() == short_of(name))
      log_warning("plugin {}: {}", shown(listing.path), listing.status);
    if (!listing.usable() || std::find(kinds.begin(), kinds.end(), listing.info.kind) == kinds.end()) continue;
    if (listing.info.id == name) by_id.push_back(&listing);
    if (listing.info.short_name() == name) by_short_name.push_back(&listing);
  }
  if (!by_id.empty()) return *by_id.front();
  if (by_short_name.size() == 1) return *by_short_name.front();
  if (by_short_name.size() > 1) throw ambiguous_name(by_short_name, name, place);
  throw missing_plugin({kinds, name, place, listings_, paths_, resumed_});
}

std::vector<fs::path> Registry::shadows(const Listing& listing) const {
  std::vector<fs::path> out;
  for (const Listing& other : listings_)
    if (listing.usable() && other.shadowed_by == listing.path && other.info.kind == listing.info.kind &&
        other.info.id == listing.info.id)
      out.push_back(other.path);
  return out;
}

std::shared_ptr<PluginLibrary> Registry::open(const Listing& listing) {
  std::shared_ptr<PluginLibrary>& known = open_[listing.path];
  if (known == nullptr) known = PluginLibrary::open(listing.path, listing.sha256);
  return known;
}

}  // namespace espalier::plugin
