// A plugin's file as this process runs it: read once, hashed, checked, and loaded from a sealed copy in memory. So what
// the hash says is what runs, whoever writes over the file meanwhile, and two libraries share nothing by accident.
//
// Loaded where it lies, and only checked before and after, are a library that looks for others beside itself ($ORIGIN)
// and any library on a system that runs no code from memory files. docs/decisions/0016-plugin-names-and-copies.md has
// the reasons.
#pragma once

#include <filesystem>
#include <string>

namespace espalier::plugin {

struct LibraryImage {
  std::filesystem::path path;  // absolute
  std::string sha256;          // of the file
  std::string bytes;

  // Throws Error(plugin, place = path) for what cannot be read or is no regular file.
  static LibraryImage read(const std::filesystem::path& path);
};

struct LoadedLibrary {
  void* handle = nullptr;  // of dlopen(); never closed
  std::string name;        // what the dynamic loader and debuggers call it; its file stays open, so nothing else is
};

// Loads it for good, with its symbols to itself. Throws Error(plugin, place = path).
LoadedLibrary load(LibraryImage image);

}  // namespace espalier::plugin
