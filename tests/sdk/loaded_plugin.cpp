#include "sdk/loaded_plugin.h"

#include <dlfcn.h>
#include <espalier/cpp/text.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "support/temp_dir.h"

namespace espalier::sdk_test {

namespace {

struct Stream {
  std::string bytes;
  std::size_t at = 0;
  std::uint64_t piece;
};

std::int64_t write(void* ctx, const void* data, std::uint64_t size) {
  auto& stream = *static_cast<Stream*>(ctx);
  const std::uint64_t moved = std::min(size, stream.piece);
  stream.bytes.append(static_cast<const char*>(data), moved);
  return static_cast<std::int64_t>(moved);
}

std::int64_t read(void* ctx, void* data, std::uint64_t size) {
  auto& stream = *static_cast<Stream*>(ctx);
  const std::uint64_t moved = std::min({size, stream.piece, std::uint64_t{stream.bytes.size() - stream.at}});
  std::memcpy(data, stream.bytes.data() + stream.at, moved);
  stream.at += moved;
  return static_cast<std::int64_t>(moved);
}

/// The quality scorer cannot do without a model, or files to train one.
FakeConfig::Overrides quality_params() {
  static const TempDir folder;  // removed when the process ends
  const auto write_lines = [&](const char* name, const char* word) {
    const std::string path = (folder.path() / name).string();
    std::ofstream file(path);
    for (int i = 0; i < 20; ++i) file << word << i % 5 << " and a word\n";
    return "\"" + path + "\"";
  };
  return {{"positive", write_lines("positive.txt", "good")},
          {"negative", write_lines("negative.txt", "bad")},
          {"dim", "2"},
          {"epochs", "1"},
          {"word_ngrams", "1"}};
}

}  // namespace

Object::~Object() {
  if (raw_.destroy != nullptr) raw_.destroy(raw_.self);
}

std::string Object::save(std::uint64_t piece) const {
  Stream stream{"", 0, piece};
  const esp_out out = {&stream, &write};
  call_ok(raw_.save, raw_.self, &out);
  return stream.bytes;
}

void Object::load(const std::string& bytes, std::uint32_t state_version, std::uint64_t piece) const {
  Stream stream{bytes, 0, piece};
  const esp_in in = {&stream, &read};
  call_ok(raw_.load, raw_.self, state_version, &in);
}

PluginLibrary::PluginLibrary(const std::string& path, FakeHost::Kind kind) : host_(kind) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: plugins stay for the process's life
  if (handle == nullptr) throw PluginError(ESP_NOT_FOUND, dlerror());
  const auto entry = reinterpret_cast<esp_entry_fn>(dlsym(handle, ESP_ENTRY_SYMBOL));
  if (entry == nullptr) throw PluginError(ESP_NOT_FOUND, dlerror());
  entry_ = entry();
  CallRecord call;
  const esp_status status = entry_->init(call.raw(), host_.raw());
  if (status != ESP_OK) throw PluginError(status, call.message);
}

PluginLibrary::~PluginLibrary() {
  entry_->deinit();
}

const esp_factory& PluginLibrary::factory() const {
  for (const char* kind : {ESP_FACTORY_GROWTH, ESP_FACTORY_DIFFICULTY, ESP_FACTORY_SCHEDULE}) {
    if (const esp_factory* found = entry_->factory(kind)) return *found;
  }
  throw PluginError(ESP_NOT_FOUND, "no factory");
}

std::string PluginLibrary::id() const {
  return std::string(sdk::view(desc().id));
}

Object PluginLibrary::create(const FakeConfig::Overrides& params, std::uint64_t total_steps) {
  const FakeConfig config(desc(), params, total_steps);
  Object object;
  object.raw_.struct_size = sizeof(esp_object);
  CallRecord call;
  const esp_status status =
      factory().create(call.raw(), host_.raw(), desc().id, config.raw(), &object.raw_, &object.vtable_);
  if (status != ESP_OK) {
    object.raw_.destroy = nullptr;
    throw PluginError(status, call.message);
  }
  return object;
}

std::string plugin_path(const std::string& name) {
  return std::string(ESPALIER_PLUGIN_DIR) + "/" + name + ".so";
}
std::string fixture_path(const std::string& name) {
  return std::string(ESPALIER_FIXTURE_DIR) + "/" + name + ".so";
}

const std::vector<ShippedPlugin>& shipped_plugins() {
  static const std::vector<ShippedPlugin> plugins = {
      {"growth", "bert2bert", {{"num_layers", "[1]"}}},
      {"growth", "cgls", {{"layers", "[1]"}, {"phase_a", "\"1st\""}}},
      {"growth", "layerdrop", {{"drop_rate", "0.1"}}},
      {"growth", "lemon", {{"num_layers", "[1]"}}},
      {"growth", "ligo", {{"num_layers", "[1]"}}},
      {"growth", "midas", {{"block_size", "1"}}},
      {"growth", "msg", {{"num_layers", "[1]"}}},
      {"growth", "net2net", {{"num_layers", "[1]"}}},
      {"growth", "one-layer", {}},
      {"growth", "pld", {}},
      {"growth", "raptr", {{"path_lengths", "[2]"}}},
      {"growth", "stack", {{"block_size", "1"}}},
      {"growth", "staged", {{"num_layers", "[1]"}}},
      {"growth", "zero", {{"num_layers", "[1]"}}},
      {"difficulty", "compression", {}},
      {"difficulty", "dedup-novelty", {{"table_bits", "16"}}},
      {"difficulty", "expression", {{"expression", "\"rank(length) - z(compression { level = 9 })\""}}},
      {"difficulty", "length", {}},
      {"difficulty", "lexical-diversity", {}},
      {"difficulty", "ngram-lm", {}},
      {"difficulty", "proxy-loss", {{"model", "\"runs/small\""}}},
      {"difficulty", "quality", quality_params()},
      {"difficulty", "rarity", {{"table_bits", "16"}}},
      {"difficulty", "readability", {}},
      {"schedule", "competence", {}},
      {"schedule", "constant", {}},
      {"schedule", "cosine", {}},
      {"schedule", "inverse-sqrt", {}},
      {"schedule", "linear", {}},
      {"schedule", "milestones", {{"at", "[0.5]"}}},
      {"schedule", "mixture-ramp", {{"from", "[1]"}, {"to", "[1]"}}},
      {"schedule", "mixture-switch", {{"blends", "[1, 2]"}, {"when", "[]"}}},
      {"schedule", "plateau", {}},
      {"schedule", "prop-alpha", {}},
      {"schedule", "ramp-up", {{"values", "[1, 2]"}, {"tokens", "10.0"}}},
      {"schedule", "reuse", {}},
      {"schedule", "tier-sync", {}},
      {"schedule", "wsd", {}},
      {"schedule", "wsd-s", {}},
  };
  return plugins;
}

}  // namespace espalier::sdk_test
