// [[data.sources]]: where a source's text lies, how it is read, and its place in the mixture. Relative paths are
// relative to the working directory of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/fields.h"

namespace espalier {

// What happens when every window of a source has been seen once.
enum class ExhaustedPolicy {
  repeat,  // another epoch in another order
  stop,    // the source leaves the mixture; the run ends when none is left
  error,   // Error(data) naming the source
};

const Choices& exhausted_policies();
// Throws Error(config) for any other text.
ExhaustedPolicy parse_exhausted(const std::string& text, const std::string& place);

struct SourceConfig {
  std::string name;
  std::string path;                // a file or a folder
  std::vector<std::string> paths;  // more of them, read after `path`
  std::string val;                 // empty: the source has no validation text
  double weight = 0;               // 0: by its number of tokens
  std::string exhausted;           // empty: as [data].exhausted
  std::string format = "auto";
  std::string text_field = "text";
  double val_fraction = 0;    // of the documents, held out for validation instead of `val`
  int64_t val_documents = 0;  // the same by number
  std::string language_field, license_field, label_field;
  std::vector<std::string> languages, licenses;  // empty: all
  int64_t tier = -1;                             // with difficulty.tier_by = "source"; -1: none

  void fields(Fields& f);
};

// Checks what one key alone cannot: names unique and usable in metric names, weights given for all sources or for none,
// every source with a path, at most one kind of validation text. Throws Error(config).
void check(const std::vector<SourceConfig>& sources);

}  // namespace espalier
