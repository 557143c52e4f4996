// TOML in and out of config structs (toml++ stays in the .cpp files).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/config/fields.h"

namespace espalier {

// Where each key was set: dotted key ("model.d_model", "data.sources[1].path") -> "file:line:column", or
// "--set model.d_model=..." for an override. Keys left at their default are absent.
class Places {
 public:
  void set(const std::string& key, std::string place) { places_[key] = std::move(place); }
  // The place of the key, or of its nearest enclosing table, or "the configuration".
  std::string of(const std::string& key) const;
  bool contains(const std::string& key) const { return places_.count(key) != 0; }

 private:
  std::map<std::string, std::string> places_;
};

// A key, or a dotted key, that people know from elsewhere -> our dotted key; only used in hints.
using FamiliarNames = std::map<std::string, std::string>;

// Reads `path`, applies the overrides ("a.b=c", the right side parsed as a TOML value, else taken as text) and fills
// the struct through `visit`. Throws Error(config) with file:line:column for a syntax error, an unknown key (with "did
// you mean", or our name for one in `familiar`), a wrong type, a number out of range or a text that is not one of the
// choices.
Places read_toml(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                 const std::function<void(Fields&)>& visit, const FamiliarNames& familiar = {});
// As read_toml, for text in memory; `name` stands for the file in places.
Places read_toml_text(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                      const std::function<void(Fields&)>& visit, const FamiliarNames& familiar = {});

// The struct as TOML with every key; reads back to an equal struct.
std::string write_toml(const std::function<void(Fields&)>& visit);
// A Markdown table of every key: key, type, default, allowed, meaning; one heading a table.
std::string document_fields(const std::function<void(Fields&)>& visit);

}  // namespace espalier
