#include <fmt/format.h>

#include <cctype>
#include <set>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/config/field_checks.h"
#include "core/config/param_text.h"
#include "core/config/toml.h"
#include "core/config/toml_tree.h"

namespace espalier {
namespace {

struct Problem {
  std::string place, message, hint;
};

// One table being read: its node, its dotted name, and the keys that the component asked for.
struct Scope {
  const TomlNode* node;
  std::string prefix;
  std::vector<std::string> known = {};
};

// Fills structs from a tree. Problems are collected, so that one run shows all of them.
class Reader : public Fields {
 public:
  Reader(const TomlNode& root, const FamiliarNames& familiar) : familiar_(familiar) { scopes_.push_back({&root, ""}); }

  Places finish() {
    close_scope();
    for (const Unknown& unknown : unknown_) report_unknown(unknown);
    if (problems_.empty()) return std::move(places_);
    const Problem& first = problems_.front();
    if (problems_.size() == 1) throw Error(ErrorCode::config, first.message, first.place, first.hint);
    std::string text;
    for (const Problem& problem : problems_) {
      if (&problem != &first) text += "\n" + problem.place + ": ";
      text += problem.message + (problem.hint.empty() ? "" : " (" + problem.hint + ")");
    }
    throw Error(ErrorCode::config, text, first.place, fmt::format("{} problems in all", problems_.size()));
  }

  void field(const char* key, bool& value, const char*) override { read_scalar<bool>(key, value, "true or false"); }

  void field(const char* key, int64_t& value, const char*, Range range) override {
    int64_t read = value;
    if (read_scalar<int64_t>(key, read, "an integer")) keep_in_range(key, read, range, value);
  }

  void field(const char* key, double& value, const char*, Range range) override {
    double read = value;
    if (read_scalar<double>(key, read, "a number")) keep_in_range(key, read, range, value);
  }

  void field(const char* key, std::string& value, const char*, const Choices& choices) override {
    std::string read = value;
    if (!read_scalar<std::string>(key, read, "a text")) return;
    if (const auto problem = check_choice(read, choices))
      report(key, problem->message, problem->hint);
    else
      value = read;
  }

  void field(const char* key, Duration& value, const char*) override {
    const TomlNode* node = find(key);
    if (node == nullptr) return;
    try {
      value = read_duration(*node);
    } catch (const Error& error) {
      report(key, error.message(), error.hint());
    }
  }

  void field(const char* key, std::vector<double>& value, const char*, Range range) override {
    std::vector<double> read;
    if (!read_list(key, read, "a list of numbers", "[0.9, 0.95]")) return;
    for (const double item : read)
      if (const auto problem = check_range(item, range)) return report(key, *problem, "");
    value = read;
  }

  void field(const char* key, std::vector<std::string>& value, const char*) override {
    std::vector<std::string> read;
    if (read_list(key, read, "a list of texts", R"(["a", "b"])")) value = read;
  }

  void plugin(PluginChoice& value, const char*) override {
    const std::string before = value.plugin;
    read_scalar<std::string>("plugin", value.plugin, "a text");
    if (const TomlNode* node = find("plugin")) value.place = node->place;
    if (value.place.empty()) value.place = "the default of " + full_name("plugin");
    // Parameters belong to one plugin: those of the default do not carry over to another.
    if (value.plugin != before) value.params.clear();
    const TomlNode* params = find("params");
    if (params == nullptr) return;
    if (params->kind != TomlNode::Kind::table)
      return report("params", fmt::format("expected a table, got {}", describe_type(*params)), "");
    if (value.plugin.empty() && !params->fields.empty())
      return report("params", "parameters without a plugin", "choose one with plugin = \"...\" beside this table");
    for (const auto& [key, node] : params->fields) read_param(value, key, node);
  }

 protected:
  void begin_table(const char* key, const char*) override {
    const TomlNode* node = find(key);
    scopes_.push_back({table_or_empty(full_name(key), node), full_name(key)});
  }
  void end_table() override { close_scope(); }

  size_t begin_array(const char* key, size_t current, const char*) override {
    const TomlNode* node = find(key);
    if (node != nullptr && node->kind != TomlNode::Kind::list) {
      report(key, fmt::format("expected an array of tables, got {}", describe_type(*node)),
             fmt::format("write [[{}]], once for each item", full_name(key)));
      node = nullptr;
    }
    arrays_.push_back({node, full_name(key)});
    return node == nullptr ? current : node->items.size();
  }
  void begin_item(size_t index) override {
    const Scope& array = arrays_.back();
    const std::string name = fmt::format("{}[{}]", array.prefix, index);
    const TomlNode* node = array.node == nullptr ? nullptr : &array.node->items[index];
    if (node != nullptr) places_.set(name, node->place);
    scopes_.push_back({table_or_empty(name, node), name});
  }
  void end_item() override { close_scope(); }
  void end_array() override { arrays_.pop_back(); }

 private:
  struct Unknown {
    std::string key, prefix, place;
    std::vector<std::string> known;
  };

  std::string full_name(std::string_view key) const {
    const std::string& prefix = scopes_.back().prefix;
    return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
  }

  // The node of a key of the current table, or null; remembers that the key exists and where it was set.
  const TomlNode* find(const std::string& key) {
    Scope& scope = scopes_.back();
    scope.known.push_back(key);
    const auto found = scope.node->fields.find(key);
    if (found == scope.node->fields.end()) return nullptr;
    places_.set(full_name(key), found->second.place);
    return &found->second;
  }

  void report(const std::string& key, std::string message, std::string hint) {
    const std::string name = full_name(key);
    problems_.push_back({places_.of(name), fmt::format("{}: {}", name, message), std::move(hint)});
  }

  const TomlNode* table_or_empty(const std::string& name, const TomlNode* node) {
    static const TomlNode kEmpty{};
    if (node == nullptr || node->kind == TomlNode::Kind::table) return node == nullptr ? &kEmpty : node;
    problems_.push_back({node->place, fmt::format("{}: expected a table, got {}", name, describe_type(*node)), ""});
    return &kEmpty;
  }

  void close_scope() {
    const Scope scope = std::move(scopes_.back());
    scopes_.pop_back();
    for (const std::string& key : scope.known) owners_.emplace(key, scope.prefix);
    const std::set<std::string> known(scope.known.begin(), scope.known.end());
    for (const auto& [key, node] : scope.node->fields)
      if (known.count(key) == 0) unknown_.push_back({key, scope.prefix, node.place, scope.known});
  }

  void report_unknown(const Unknown& unknown) {
    const std::string name = unknown.prefix.empty() ? unknown.key : unknown.prefix + "." + unknown.key;
    std::string hint = familiar_hint(name, unknown.key);
    if (hint.empty()) hint = did_you_mean(unknown.key, unknown.known);
    if (const auto owner = owners_.find(unknown.key); hint.empty() && owner != owners_.end())
      hint = owner->second.empty() ? fmt::format("'{}' is a key of the top level", unknown.key)
                                   : fmt::format("'{}' is a key of [{}]", unknown.key, owner->second);
    if (hint.empty()) hint = unknown.known.empty() ? "" : fmt::format("known here: {}", fmt::join(unknown.known, ", "));
    problems_.push_back({unknown.place, fmt::format("unknown key '{}'", name), hint});
  }

  // By the whole name first: `model.dim` is surer than `dim`. A name may also be written in other cases or with dashes.
  std::string familiar_hint(const std::string& name, const std::string& key) const {
    for (std::string text : {name, key}) {
      for (char& c : text) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (const auto found = familiar_.find(text); found != familiar_.end() && found->second != name)
        return fmt::format("it is called {} here", found->second);
    }
    return "";
  }

  template <class T>
  bool read_scalar(const char* key, T& value, const char* wanted) {
    const TomlNode* node = find(key);
    if (node == nullptr) return false;
    if (node->kind == TomlNode::Kind::scalar && scalar_as(node->scalar, value)) return true;
    std::string hint;
    if (node->kind == TomlNode::Kind::scalar) hint = type_hint(node->scalar, std::is_same_v<T, std::string>);
    report(key, fmt::format("expected {}, got {}", wanted, describe_type(*node)), hint);
    return false;
  }

  template <class T>
  bool read_list(const char* key, std::vector<T>& out, const char* wanted, const char* example) {
    const TomlNode* node = find(key);
    if (node == nullptr) return false;
    const std::string hint = fmt::format("write it like {}", example);
    if (node->kind != TomlNode::Kind::list) {
      report(key, fmt::format("expected {}, got {}", wanted, describe_type(*node)), hint);
      return false;
    }
    for (const TomlNode& item : node->items) {
      T value{};
      if (item.kind != TomlNode::Kind::scalar || !scalar_as(item.scalar, value)) {
        report(key, fmt::format("expected {}, got {} in it", wanted, describe_type(item)), hint);
        return false;
      }
      out.push_back(std::move(value));
    }
    return true;
  }

  template <class T>
  void keep_in_range(const char* key, T read, const Range& range, T& value) {
    if (const auto problem = check_range(static_cast<double>(read), range))
      report(key, *problem, "");
    else
      value = read;
  }

  Duration read_duration(const TomlNode& node) const {
    if (const auto* steps = node.kind == TomlNode::Kind::scalar ? std::get_if<int64_t>(&node.scalar) : nullptr) {
      if (*steps < 0) throw Error(ErrorCode::config, fmt::format("a duration must not be negative, got {}", *steps));
      return Duration::of_steps(*steps);
    }
    if (const auto* text = node.kind == TomlNode::Kind::scalar ? std::get_if<std::string>(&node.scalar) : nullptr)
      return Duration::parse(*text, node.place);
    throw Error(ErrorCode::config, fmt::format("expected a duration, got {}", describe_type(node)), "",
                R"(write a whole number of steps, or a text such as "1000st", "2ep", "1e9tok" or "0.3dur")");
  }

  void read_param(PluginChoice& value, const std::string& key, const TomlNode& node) {
    places_.set(full_name("params." + key), node.place);
    try {
      value.params[key] = to_param(node);
    } catch (const Error& error) {
      report("params." + key, error.message(), error.hint());
    }
  }

  const FamiliarNames& familiar_;
  std::vector<Scope> scopes_;
  std::vector<Scope> arrays_;
  std::vector<Unknown> unknown_;
  std::map<std::string, std::string> owners_;  // key -> the first table that has it
  std::vector<Problem> problems_;
  Places places_;
};

}  // namespace

std::string Places::of(const std::string& key) const {
  for (std::string name = key; !name.empty();) {
    if (const auto found = places_.find(name); found != places_.end()) return found->second;
    const size_t cut = name.find_last_of(".[");
    name.resize(cut == std::string::npos ? 0 : cut);
  }
  return "the configuration";
}

Places read_toml_text(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                      const std::function<void(Fields&)>& visit, const FamiliarNames& familiar) {
  TomlNode root = parse_toml_tree(text, name);
  for (const std::string& text_of_override : overrides) apply_override(root, text_of_override);
  Reader reader(root, familiar);
  visit(reader);
  return reader.finish();
}

Places read_toml(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                 const std::function<void(Fields&)>& visit, const FamiliarNames& familiar) {
  return read_toml_text(read_file(path, ErrorCode::config), path.string(), overrides, visit, familiar);
}

}  // namespace espalier
