#include "core/data/text/json_fields.h"

#include <cstdint>

#include "core/base/json.h"
#include "core/base/json_object.h"

namespace espalier {
namespace {

using Json = nlohmann::json;

class FieldPicker final : public nlohmann::json_sax<Json> {
 public:
  FieldPicker(std::vector<JsonField*>& fields, std::vector<std::string>* keys) : fields_(fields), keys_(keys) {}

  bool null() override { return scalar("null"); }
  bool boolean(bool) override { return scalar("boolean"); }
  bool number_integer(number_integer_t) override { return scalar("number"); }
  bool number_unsigned(number_unsigned_t) override { return scalar("number"); }
  bool number_float(number_float_t, const string_t&) override { return scalar("number"); }
  bool binary(binary_t&) override { return scalar("binary"); }
  bool string(string_t& value) override {
    if (depth_ == 1 && current_ != nullptr) current_->value = std::move(value);
    return scalar("string");
  }
  bool start_object(size_t) override { return open("object", true); }
  bool start_array(size_t) override { return open("array", false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    current_ = nullptr;
    for (JsonField* field : fields_)
      if (field->name == name) current_ = field;
    if (keys_ != nullptr) keys_->push_back(name);
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception& error) override {
    problem_ = JsonProblem{byte, false, std::string_view(error.what()).find("surrogate") != std::string_view::npos};
    return false;
  }
  const std::optional<JsonProblem>& problem() const { return problem_; }

 private:
  bool scalar(const char* type) {
    if (depth_ == 0) return not_an_object();
    note(type);
    return true;
  }
  bool open(const char* type, bool object) {
    if (depth_ == 0 && !object) return not_an_object();
    note(type);
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }
  void note(const char* type) {
    if (depth_ != 1 || current_ == nullptr) return;
    current_->type = type;
    current_ = nullptr;
  }
  bool not_an_object() {
    problem_ = JsonProblem{0, true, false};
    return false;
  }

  std::vector<JsonField*>& fields_;
  std::vector<std::string>* keys_;
  JsonField* current_ = nullptr;
  size_t depth_ = 0;
  std::optional<JsonProblem> problem_;
};

// The code unit of an escape \uXXXX at `at`, or -1.
int32_t code_unit(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int32_t unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

}  // namespace

std::optional<JsonProblem> read_json_fields(std::string_view line, std::vector<JsonField*> fields,
                                            std::vector<std::string>* keys) {
  const auto read = [&](std::string_view text) {
    for (JsonField* field : fields) {
      field->value.clear();
      field->type = "";
    }
    if (keys != nullptr) keys->clear();
    FieldPicker picker(fields, keys);
    Json::sax_parse(text.begin(), text.end(), &picker);
    return picker.problem();
  };
  std::optional<JsonProblem> problem = read(line);
  if (problem && !problem->not_an_object && !problem->lone_surrogate)
    // Python writes NaN and Infinity, which JSON lacks, and reads 1e999: no reason to refuse a line for its other keys.
    if (const std::string finite = zero_non_finite(line); finite != line && !read(finite)) problem.reset();
  for (JsonField* field : fields)
    for (const JsonField* other : fields)  // several fields of one key: the picker fills the last
      if (*field->type == '\0' && other->name == field->name && *other->type != '\0') {
        field->value = other->value;
        field->type = other->type;
      }
  return problem;
}

std::string replace_lone_surrogates(std::string_view json, std::string_view mark) {
  std::string out;
  out.reserve(json.size());
  for (size_t at = 0; at < json.size();) {
    const int32_t unit = code_unit(json, at);
    if (unit >= 0xD800 && unit < 0xDC00) {
      const int32_t second = code_unit(json, at + 6);
      if (second >= 0xDC00 && second < 0xE000) {
        out.append(json, at, 12);
        at += 12;
        continue;
      }
    }
    if (unit >= 0xD800 && unit < 0xE000) {
      out += mark;
      at += 6;
      continue;
    }
    // An escaped backslash must not be taken for the start of the next escape.
    const size_t length = json[at] == '\\' && at + 1 < json.size() ? 2 : 1;
    out.append(json, at, length);
    at += length;
  }
  return out;
}

}  // namespace espalier
