#include <fmt/format.h>

#include "core/config/field_checks.h"
#include "core/config/param_text.h"
#include "core/config/toml.h"

namespace espalier {
namespace {

// Text for a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

struct Heading {
  std::string name, title, doc, rows, tables;

  std::string text() const {
    std::string out = title.empty() ? "" : fmt::format("## `{}`\n\n{}\n\n", title, doc);
    if (!rows.empty()) out += "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n" + rows + "\n";
    return out + tables;
  }
};

class Documenter : public Fields {
 public:
  Documenter() { headings_.emplace_back(); }
  std::string finish() const { return headings_.front().text(); }

  void field(const char* key, bool& value, const char* doc) override {
    row(key, "bool", value ? "true" : "false", "", doc);
  }
  void field(const char* key, int64_t& value, const char* doc, Range range) override {
    row(key, "integer", std::to_string(value), describe_range(range), doc);
  }
  void field(const char* key, double& value, const char* doc, Range range) override {
    row(key, "number", toml_float(value), describe_range(range), doc);
  }
  void field(const char* key, std::string& value, const char* doc, const Choices& choices) override {
    std::string allowed;
    for (const std::string& choice : choices) allowed += (allowed.empty() ? "`" : ", `") + toml_text(choice) + "`";
    row(key, "text", toml_text(value), allowed, doc);
  }
  void field(const char* key, Duration& value, const char* doc) override {
    row(key, "duration", toml_text(value.to_string()), "", doc);
  }
  void field(const char* key, std::vector<double>& value, const char* doc, Range range) override {
    row(key, "list of numbers", list_literal(value), describe_range(range), doc);
  }
  void field(const char* key, std::vector<std::string>& value, const char* doc) override {
    row(key, "list of texts", list_literal(value), "", doc);
  }
  void plugin(PluginChoice& value, const char* doc) override {
    row("plugin", "text", toml_text(value.plugin), "an id or a short name", doc);
    row("params", "table", "{}", "what the plugin declares", "Parameters of the plugin.");
  }

 protected:
  void begin_table(const char* key, const char* doc) override { begin(key, "[{}]", doc); }
  void end_table() override {
    const std::string text = headings_.back().text();
    headings_.pop_back();
    headings_.back().tables += text;
  }
  size_t begin_array(const char* key, size_t, const char* doc) override {
    begin(key, "[[{}]]", doc);
    return 1;
  }
  void begin_item(size_t) override {}
  void end_item() override {}
  void end_array() override { end_table(); }

 private:
  void begin(const char* key, const char* form, const char* doc) {
    const std::string& parent = headings_.back().name;
    const std::string name = parent.empty() ? key : fmt::format("{}.{}", parent, key);
    headings_.push_back({name, fmt::format(fmt::runtime(form), name), doc, "", ""});
  }
  void row(const char* key, const char* type, const std::string& value, const std::string& allowed, const char* doc) {
    headings_.back().rows +=
        fmt::format("| `{}` | {} | `{}` | {} | {} |\n", key, type, cell(value), cell(allowed), cell(doc));
  }
  template <class T>
  static std::string list_literal(const std::vector<T>& values) {
    ParamValue list;
    list.is_list = true;
    list.items.assign(values.begin(), values.end());
    return toml_literal(list);
  }

  std::vector<Heading> headings_;
};

}  // namespace

std::string document_fields(const std::function<void(Fields&)>& visit) {
  Documenter documenter;
  visit(documenter);
  return documenter.finish();
}

}  // namespace espalier
