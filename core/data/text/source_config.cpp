#include "core/data/text/source_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/data/text/file_format.h"

namespace espalier {
namespace {

bool usable_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

}  // namespace

const Choices& exhausted_policies() {
  static const Choices choices{"repeat", "stop", "error"};
  return choices;
}

ExhaustedPolicy parse_exhausted(const std::string& text, const std::string& place) {
  const auto& all = exhausted_policies();
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end())
    throw Error(ErrorCode::config, fmt::format("exhausted = \"{}\" is not known", text), place,
                "use repeat, stop or error");
  return static_cast<ExhaustedPolicy>(found - all.begin());
}

void SourceConfig::fields(Fields& f) {
  f.field("name", name, "Name of the source in metrics and cache files: letters, digits, '_', '-', '.'.");
  f.field("path", path,
          "Training text: a file or a folder of files (JSON lines, plain text, both also gzip or zstd), or token "
          "shards (.bin). Links are followed, hidden files left out.");
  f.field("paths", paths, "More files or folders of the same source, read after `path`.");
  f.field("val", val, "Validation text, a file or a folder; empty: none.");
  f.field("weight", weight, "Share of the mixture relative to the other sources; 0: by its number of tokens.",
          Range::at_least(0));
  f.field("exhausted", exhausted, "Overrides [data].exhausted for this source.",
          Choices{"", "repeat", "stop", "error"});
  f.field("format", format,
          "What its files hold: \"text\", \"jsonl\", or tokens: \"megatron\" (with .idx), \"llm.c\" (with header), "
          "\"uint16\", \"uint32\" (ids and nothing else); \"auto\": by each file's name and content.",
          format_names());
  f.field("text_field", text_field, "Key of the text in each JSON line.");
  f.field(
      "val_fraction", val_fraction,
      "Share held out for validation; not with `val`. Of documents, chosen by a hash of content and [data].val_seed; "
      "a plain text document above 64 KiB, or alone in the source's only file, gives its last part, counted in "
      "bytes.",
      Range::between(0, 0.999));
  f.field("val_documents", val_documents, "Documents held out, chosen by the same hash; never parts of one.",
          Range::at_least(0));
  f.field("language_field", language_field,
          "Key of each document's language in a JSON line; kept beside the tokens and counted. Empty: none.");
  f.field("license_field", license_field, "Key of each document's licence, likewise.");
  f.field("label_field", label_field,
          "Key of a label, kept beside the tokens; with [difficulty].tier_by = \"label\" it decides the tier. Empty: "
          "none.");
  f.field("languages", languages, "Documents of other languages are left out; empty: all are taken.");
  f.field("licenses", licenses, "Documents under other licences are left out; empty: all are taken.");
  f.field("tier", tier, "Difficulty tier of the source, 0 = easiest, with [difficulty].tier_by = \"source\"; -1: none.",
          Range::between(-1, 254));
}

void check(const std::vector<SourceConfig>& sources) {
  if (sources.empty())
    throw Error(ErrorCode::config, "no data source", "data.sources", "add [[data.sources]] with name and path");
  std::set<std::string> names;
  size_t weighted = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto& source = sources[i];
    const auto place = fmt::format("data.sources[{}]", i);
    if (!usable_name(source.name))
      throw Error(ErrorCode::config, fmt::format("name = \"{}\" cannot name a source", source.name), place + ".name",
                  "use letters, digits, '_', '-' and '.'");
    if (!names.insert(source.name).second)
      throw Error(ErrorCode::config, fmt::format("two sources are named \"{}\"", source.name), place + ".name",
                  "give each source its own name");
    if (source.path.empty() && source.paths.empty())
      throw Error(ErrorCode::config, fmt::format("source \"{}\" has no path", source.name), place + ".path",
                  "set path to a file or a folder");
    if (!std::isfinite(source.weight) || source.weight < 0)
      throw Error(ErrorCode::config, fmt::format("weight {} of source \"{}\"", source.weight, source.name),
                  place + ".weight", "weights must be finite and not negative");
    const int val_texts =
        (source.val.empty() ? 0 : 1) + (source.val_fraction > 0 ? 1 : 0) + (source.val_documents > 0 ? 1 : 0);
    if (val_texts > 1)
      throw Error(ErrorCode::config,
                  fmt::format("source \"{}\" has more than one of val, val_fraction and val_documents", source.name),
                  place + ".val", "keep one of them");
    if (!source.languages.empty() && source.language_field.empty())
      throw Error(ErrorCode::config, fmt::format("source \"{}\" has languages but no language_field", source.name),
                  place + ".languages", "set language_field to the key of the language in each JSON line");
    if (!source.licenses.empty() && source.license_field.empty())
      throw Error(ErrorCode::config, fmt::format("source \"{}\" has licenses but no license_field", source.name),
                  place + ".licenses", "set license_field to the key of the licence in each JSON line");
    parse_format(source.format, place + ".format");
    if (!source.exhausted.empty()) parse_exhausted(source.exhausted, place + ".exhausted");
    weighted += source.weight > 0 ? 1 : 0;
  }
  if (weighted != 0 && weighted != sources.size())
    throw Error(ErrorCode::config, "some sources have a weight and some have not", "data.sources",
                "give a weight to every source, or to none to mix by number of tokens");
}

}  // namespace espalier
