// The one description of a configuration table. A component declares its struct with defaults inline and one function
//
//     void fields(Fields& f) { f.field("lr", lr, "Peak learning rate.", Range::above(0)); ... }
//
// and reading TOML, writing config.resolved.toml and the documentation table are three visitors of that function.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/config/duration.h"
#include "core/config/param_value.h"

namespace espalier {

// Allowed numbers, ends included unless min_open.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;

  static Range at_least(double low) { return {low, std::numeric_limits<double>::infinity(), false}; }
  static Range above(double low) { return {low, std::numeric_limits<double>::infinity(), true}; }
  static Range between(double low, double high) { return {low, high, false}; }
};

using Choices = std::vector<std::string>;  // empty: any text

class Fields {
 public:
  virtual ~Fields() = default;

  // A key of the current table: its storage (holding the default), what it means, what is allowed.
  virtual void field(const char* key, bool& value, const char* doc) = 0;
  virtual void field(const char* key, int64_t& value, const char* doc, Range range = {}) = 0;
  virtual void field(const char* key, double& value, const char* doc, Range range = {}) = 0;
  virtual void field(const char* key, std::string& value, const char* doc, const Choices& choices = {}) = 0;
  virtual void field(const char* key, Duration& value, const char* doc) = 0;
  virtual void field(const char* key, std::vector<double>& value, const char* doc, Range range = {}) = 0;
  virtual void field(const char* key, std::vector<std::string>& value, const char* doc) = 0;
  // The keys `plugin` and `params` of the current table.
  virtual void plugin(PluginChoice& value, const char* doc) = 0;

  // A sub-table [key], and an array of tables [[key]]. T has `void fields(Fields&)`.
  template <class T>
  void table(const char* key, T& component, const char* doc) {
    begin_table(key, doc);
    component.fields(*this);
    end_table();
  }
  template <class T>
  void tables(const char* key, std::vector<T>& components, const char* doc) {
    components.resize(begin_array(key, components.size(), doc));
    for (size_t i = 0; i < components.size(); ++i) {
      begin_item(i);
      components[i].fields(*this);
      end_item();
    }
    end_array();
  }

 protected:
  virtual void begin_table(const char* key, const char* doc) = 0;
  virtual void end_table() = 0;
  // Returns how many items there are to visit (a reader: in the file; a documenter: one).
  virtual size_t begin_array(const char* key, size_t current, const char* doc) = 0;
  virtual void begin_item(size_t index) = 0;
  virtual void end_item() = 0;
  virtual void end_array() = 0;
};

}  // namespace espalier
