// Reads text as the file run.toml into the sample configuration.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/config/toml.h"
#include "tests/config/sample.h"

namespace espalier::test {

inline Sample read(const std::string& text, const std::vector<std::string>& overrides = {}, Places* places = nullptr) {
  Sample sample;
  Places found = read_toml_text(text, "run.toml", overrides, [&](Fields& f) { sample.fields(f); });
  if (places != nullptr) *places = std::move(found);
  return sample;
}

// The error of reading the text; code 1 and no text when there is none.
inline Error read_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    read(text, overrides);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "no error"};
}

}  // namespace espalier::test
