#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/toml_depth.h"
#include "core/config/toml_tree.h"

namespace espalier {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "data.sources[0].path" -> {"data", "sources", "0", "path"}; empty parts stay, to be refused.
std::vector<std::string> path_of(std::string key) {
  std::string dotted;
  for (const char c : key) {
    if (c == '[')
      dotted += '.';
    else if (c != ']' && c != ' ')
      dotted += c;
  }
  return split(dotted, '.');
}

class Walk {
 public:
  Walk(TomlNode& root, std::string place) : at_(&root), place_(std::move(place)) {}

  // Goes down one part of the key; what is not there yet is made as an empty table.
  void enter(const std::string& part) {
    if (part.empty()) throw Error(ErrorCode::config, "a part of the key is empty", place_);
    if (made_here_ && is_number(part)) at_->kind = TomlNode::Kind::list;
    if (at_->kind == TomlNode::Kind::list)
      enter_item(part);
    else if (at_->kind == TomlNode::Kind::table)
      enter_field(part);
    else
      throw Error(ErrorCode::config,
                  fmt::format("'{}' is {}, so it has no key '{}'", so_far_, describe_type(*at_), part), place_);
    so_far_ += (so_far_.empty() ? "" : ".") + part;
  }

  void replace(TomlNode node) { *at_ = std::move(node); }

 private:
  TomlNode fresh() const {
    TomlNode node;
    node.place = place_;
    return node;
  }

  void enter_field(const std::string& part) {
    const auto [field, made] = at_->fields.try_emplace(part, fresh());
    at_ = &field->second;
    made_here_ = made;
  }

  void enter_item(const std::string& part) {
    const size_t index = is_number(part) ? std::stoul(part) : at_->items.size() + 1;
    if (index > at_->items.size())
      throw Error(ErrorCode::config,
                  fmt::format("'{}' is a list of {}, so '{}' is not a place in it", so_far_, at_->items.size(), part),
                  place_, fmt::format("items are counted from 0; {} adds one", at_->items.size()));
    made_here_ = index == at_->items.size();
    if (made_here_) at_->items.push_back(fresh());
    at_ = &at_->items[index];
  }

  TomlNode* at_;
  bool made_here_ = false;  // at_ is new, so a number below it makes it a list
  std::string place_, so_far_;
};

}  // namespace

void apply_override(TomlNode& root, const std::string& text) {
  const std::string place = "--set " + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(ErrorCode::config, "an override has the form key=value", place, "for example --set training.steps=100");
  // A configuration is UTF-8, and it is written down again for the next start.
  if (find_invalid_utf8(text) != std::string::npos)
    throw Error(ErrorCode::config, "the override is not UTF-8", "--set " + valid_utf8(text),
                "a file whose name is not UTF-8 can be read through the folder that it lies in, or be renamed");
  const std::string value = text.substr(equals + 1);
  Walk walk(root, place);
  const auto path = path_of(text.substr(0, equals));
  if (path.size() > kDeepestToml)
    throw Error(ErrorCode::config, fmt::format("the key has {} parts, more than {}", path.size(), kDeepestToml),
                "--set " + text.substr(0, 40) + "...", "no key of the configuration lies that deep");
  for (const std::string& part : path) walk.enter(part);

  auto node = parse_toml_literal(value, place);
  // A bare date is a name or a number with dashes to the person who typed it: no key holds dates.
  if (!node || node->kind == TomlNode::Kind::date) {
    node.emplace();
    node->kind = TomlNode::Kind::scalar;
    node->scalar = value;
    node->place = place;
  }
  walk.replace(std::move(*node));
}

}  // namespace espalier
