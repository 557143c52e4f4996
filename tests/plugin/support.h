// Shared by the tests of core/plugin: where the libraries lie, a registry over one folder, the error of a call.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/plugin/registry.h"

namespace espalier::test {

namespace fs = std::filesystem;

inline const fs::path kRealPlugins = TEST_REAL_PLUGINS;
inline const fs::path kFixtures = TEST_FIXTURES;
inline const fs::path kBent = TEST_BENT;
inline const fs::path kOdd = TEST_ODD;
inline const fs::path kSame = TEST_SAME;
// A library of tests/plugin/libraries/named.c.
inline fs::path named(const std::string& name) {
  return fs::path(TEST_NAMED) / name / (name + ".so");
}

// An empty folder of this test, removed at the end.
class TempDir {
 public:
  TempDir() {
    std::string name = (fs::temp_directory_path() / "espalier-plugin-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Sets a variable of the environment, and puts it back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { ::setenv(name_.c_str(), before_.c_str(), 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_, before_;
};

// Options that see these paths and nothing of the machine's own plugins.
inline plugin::RegistryOptions options_for(const std::vector<std::string>& paths, const fs::path& cache = {}) {
  plugin::RegistryOptions options;
  options.arguments = paths;
  options.exe = TEST_PROBE_EXE;
  options.prefix = "/nowhere";
  options.shipped = kRealPlugins;
  options.cache = cache;
  options.timeout = std::chrono::seconds(4);
  return options;
}

// The error that `body` throws; code internal and "no error" where it throws none.
inline Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "no error"};
}

inline PluginChoice choose(const std::string& plugin, std::map<std::string, ParamValue> params = {}) {
  return {plugin, "run.toml:7:1", std::move(params)};
}
inline ParamValue value(ParamScalar scalar) {
  return {false, {std::move(scalar)}, "run.toml:9:5"};
}
inline ParamValue list(std::vector<ParamScalar> items) {
  return {true, std::move(items), "run.toml:9:5"};
}

// The registry of the plugins that answer wrongly on demand, and the choice of one of their modes.
inline plugin::Registry& bent() {
  static plugin::Registry registry(options_for({kBent.string()}));
  return registry;
}
inline PluginChoice bent_choice(const std::string& kind, const std::string& mode) {
  return choose("bent_" + kind, {{"mode", value(mode)}});
}

}  // namespace espalier::test
