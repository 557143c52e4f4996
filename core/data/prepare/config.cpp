#include "core/data/prepare/config.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace espalier {

InvalidUtf8 parse_invalid_utf8(const std::string& text, const std::string& place) {
  if (text == "error") return InvalidUtf8::error;
  if (text == "replace") return InvalidUtf8::replace;
  if (text == "skip") return InvalidUtf8::skip;
  throw Error(ErrorCode::config, fmt::format("invalid_utf8 = \"{}\" is not known", text), place,
              "use error, replace or skip");
}

void PrepareConfig::fields(Fields& f) {
  TokenizerConfig::fields(f);
  f.field("cache_dir", cache_dir, "Folder of token shards, difficulty scores and the trained tokenizer.");
  f.field("exhausted", exhausted,
          "When all of a source has been seen: repeat it in another order, stop drawing from it, or fail.",
          exhausted_policies());
  f.field("invalid_utf8", invalid_utf8,
          "Text that is not UTF-8: stop with its line, put U+FFFD in its place, or leave the document out.",
          Choices{"error", "replace", "skip"});
  f.field("missing_text", missing_text,
          "JSON lines whose text is missing, null or no string: stop with the line, or leave them out.",
          Choices{"error", "skip"});
  f.field("unusable_files", unusable_files,
          "Files in a folder that are neither text nor tokens that fit, links to nothing and the like: stop with the "
          "name, or leave them out with a warning. Files named by a path are never left out.",
          Choices{"error", "skip"});
  f.field("max_document_bytes", max_document_bytes, "A JSON line or a plain text document above this is an error.",
          Range::at_least(1));
  f.field("dedup", dedup,
          "\"exact\" leaves out training documents whose text occurred before, in any source or in validation text.",
          Choices{"none", "exact"});
  f.field("val_seed", val_seed, "Chooses the documents that val_fraction and val_documents hold out.",
          Range::at_least(0));
  f.field(
      "shard_tokens", shard_tokens,
      "A token shard is closed after this many tokens; an interrupted preparation goes on after the last whole one.",
      Range::at_least(1));
  f.tables("sources", sources, "One table a source.");
}

void check(const PrepareConfig& config) {
  check(static_cast<const TokenizerConfig&>(config));
  check(config.sources);
  parse_exhausted(config.exhausted, "data.exhausted");
  parse_invalid_utf8(config.invalid_utf8, "data.invalid_utf8");
  if (config.dedup != "none" && config.dedup != "exact")
    throw Error(ErrorCode::config, fmt::format("dedup = \"{}\" is not known", config.dedup), "data.dedup",
                "use none or exact");
}

}  // namespace espalier
