#include <fmt/format.h>

#include "core/config/param_text.h"
#include "core/config/toml.h"

namespace espalier {
namespace {

// A table being written. In TOML a table's own keys come before its sub-tables, whatever the order of the fields.
struct Section {
  std::string name, header, keys, tables;
  bool is_item = false;  // an item of an array is written even when it has no keys

  std::string text() const {
    const bool shown = !keys.empty() || is_item;
    return (shown && !header.empty() ? "\n" + header + "\n" : "") + keys + tables;
  }
};

class Writer : public Fields {
 public:
  Writer() { sections_.emplace_back(); }

  std::string finish() const {
    const std::string text = sections_.front().text();
    return text.empty() || text.front() != '\n' ? text : text.substr(1);
  }

  void field(const char* key, bool& value, const char*) override { put(key, value ? "true" : "false"); }
  void field(const char* key, int64_t& value, const char*, Range) override { put(key, std::to_string(value)); }
  void field(const char* key, double& value, const char*, Range) override { put(key, toml_float(value)); }
  void field(const char* key, std::string& value, const char*, const Choices&) override { put(key, toml_text(value)); }
  void field(const char* key, Duration& value, const char*) override { put(key, toml_text(value.to_string())); }
  void field(const char* key, std::vector<double>& value, const char*, Range) override { put_list(key, value); }
  void field(const char* key, std::vector<std::string>& value, const char*) override { put_list(key, value); }

  void plugin(PluginChoice& value, const char*) override {
    put("plugin", toml_text(value.plugin));
    if (value.params.empty()) return;
    begin_table("params", "");
    for (const auto& [key, param] : value.params) put(key, toml_literal(param));
    end_table();
  }

 protected:
  void begin_table(const char* key, const char*) override {
    const std::string name = full_name(key);
    sections_.push_back({name, "[" + name + "]", "", "", false});
  }
  void end_table() override {
    const std::string text = sections_.back().text();
    sections_.pop_back();
    sections_.back().tables += text;
  }
  size_t begin_array(const char* key, size_t current, const char*) override {
    if (current == 0) put(key, "[]");
    arrays_.push_back(full_name(key));
    return current;
  }
  void begin_item(size_t) override {
    sections_.push_back({arrays_.back(), "[[" + arrays_.back() + "]]", "", "", true});
  }
  void end_item() override { end_table(); }
  void end_array() override { arrays_.pop_back(); }

 private:
  std::string full_name(std::string_view key) const {
    const std::string& name = sections_.back().name;
    return (name.empty() ? "" : name + ".") + toml_key(key);
  }
  void put(std::string_view key, const std::string& literal) {
    sections_.back().keys += fmt::format("{} = {}\n", toml_key(key), literal);
  }
  template <class T>
  void put_list(const char* key, const std::vector<T>& values) {
    ParamValue list;
    list.is_list = true;
    list.items.assign(values.begin(), values.end());
    put(key, toml_literal(list));
  }

  std::vector<Section> sections_;
  std::vector<std::string> arrays_;
};

}  // namespace

std::string write_toml(const std::function<void(Fields&)>& visit) {
  Writer writer;
  visit(writer);
  return writer.finish();
}

}  // namespace espalier
