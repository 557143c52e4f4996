#include "core/data/prepare/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/error.h"

namespace espalier {
namespace {

const Choices& policies() {
  static const Choices choices{"repeat", "stop", "error"};
  return choices;
}

const Choices& packings() {
  static const Choices choices{"concat", "best-fit"};
  return choices;
}

bool usable_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

}  // namespace

ExhaustedPolicy parse_exhausted(const std::string& text, const std::string& place) {
  const auto& all = policies();
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end())
    throw Error(ErrorCode::config, fmt::format("exhausted = \"{}\" is not known", text), place,
                "use repeat, stop or error");
  return static_cast<ExhaustedPolicy>(found - all.begin());
}

Packing parse_packing(const std::string& text, const std::string& place) {
  const auto& all = packings();
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end())
    throw Error(ErrorCode::config, fmt::format("packing = \"{}\" is not known", text), place, "use concat or best-fit");
  return static_cast<Packing>(found - all.begin());
}

const char* name_of(Packing packing) {
  return packing == Packing::concat ? "concat" : "best-fit";
}

InvalidUtf8 parse_invalid_utf8(const std::string& text, const std::string& place) {
  if (text == "error") return InvalidUtf8::error;
  if (text == "replace") return InvalidUtf8::replace;
  if (text == "skip") return InvalidUtf8::skip;
  throw Error(ErrorCode::config, fmt::format("invalid_utf8 = \"{}\" is not known", text), place,
              "use error, replace or skip");
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

void QualityConfig::fields(Fields& f) {
  f.field("report", report,
          "Report at the end of each growth stage what was trained on: repeated texts, lengths, vocabulary against the "
          "stage before, listed words, patterns of personal data, and the loss of every source.");
  f.field("words", words, "File of words to count, one a line; '#' begins a comment. Empty: none.");
  f.field("max_duplicates", max_duplicates,
          "Stop with exit code 3 at the end of a stage in which a larger share of the texts were repeats; 0 = off.",
          Range::between(0, 1));
  f.field("max_drift", max_drift,
          "The same for the Jensen-Shannon divergence, in bits, of the stage's words from the stage before; 0 = off.",
          Range::between(0, 1));
  f.field("max_listed_words", max_listed_words, "The same for listed words in a million words; 0 = off.",
          Range::at_least(0));
  f.field("max_personal_data", max_personal_data,
          "The same for e-mail addresses and telephone numbers in a million words; 0 = off.", Range::at_least(0));
}

void DataConfig::fields(Fields& f) {
  f.field("tokenizer", tokenizer,
          "\"sentencepiece\" or \"bpe\" (trained on the sources and cached), \"byte\", or the path of a tokenizer "
          "folder, a tokenizer.json, a .model or a tiktoken rank file.");
  f.field("tokenizer_pattern", tokenizer_pattern,
          "How a tiktoken rank file cuts text: gpt2, cl100k or o200k; empty: known files bring their own.",
          Choices{"", "gpt2", "cl100k", "o200k"});
  f.field("vocab_size", vocab_size, "Vocabulary of the trained tokenizer; a small corpus may give a smaller one.",
          Range::between(400, 1000000));
  f.field("cache_dir", cache_dir, "Folder of token shards, difficulty scores and the trained tokenizer.");
  f.field("exhausted", exhausted,
          "When all of a source has been seen: repeat it in another order, stop drawing from it, or fail.", policies());
  f.field("prefetch", prefetch, "Micro-batches made ready ahead of the training step.", Range::between(1, 1024));
  f.field(
      "packing", packing,
      "How documents fill blocks: joined and cut (concat), or put together whole, the rest of a block being padding "
      "without loss (best-fit).",
      packings());
  f.field("block_tokens", block_tokens,
          "Tokens that are shuffled as one piece and handed out as block_tokens / seq_len samples in a row, so that "
          "seq_len may change without another order of the data; a multiple of seq_len, 0 = training.seq_len.",
          Range::at_least(0));
  f.field("document_mask", document_mask, "Attention stays inside a document.");
  f.field("restart_positions", restart_positions,
          "With document_mask, learned positions count from the start of each document instead of the row; rotary "
          "positions only see distances, so they stay as they are.");
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
  f.table("quality", quality, "What each growth stage trained on, and bounds that stop the run at its end.");
}

void DifficultyConfig::fields(Fields& f) {
  f.plugin(plugin, "Scorer of documents; empty: no difficulty, one tier.");
  f.field("tiers", tiers,
          "Tiers that the training documents are split into, easy to hard: of equal token mass, or with tier_by = "
          "\"file\" as the file says.",
          Range::between(1, 255));
  f.field(
      "tier_by", tier_by,
      "What makes the tiers: \"quantile\" of the scores, counted in tokens; \"threshold\" on the scores; \"source\" "
      "(`tier` of each source); \"label\" (label_field of each source, tier_labels); \"file\" (tier_file).",
      Choices{"quantile", "threshold", "source", "label", "file"});
  f.field("tier_labels", tier_labels, "With tier_by = \"label\": the labels, one a tier, the easiest first.");
  f.field(
      "quantiles", quantiles,
      "With tier_by = \"quantile\": shares of the tokens, rising, at which tiers end, [0.5, 0.9]; empty: `tiers` equal "
      "parts.",
      Range::between(0, 1));
  f.field("thresholds", thresholds, "With tier_by = \"threshold\": scores, rising, at which a harder tier begins.");
  f.field("tier_file", tier_file,
          "With tier_by = \"file\": JSON lines or CSV with `tier` and `source` and `document`, or `hash`, for each "
          "training document.");
  f.field("isolate", isolate,
          "Run scorers in a process of their own, so that one that crashes or hangs cannot take the run with it.");
  f.field("call_timeout", call_timeout,
          "Seconds after which one call into an isolated scorer (a batch of about 262,144 tokens, or the end of a fit) "
          "is given up.",
          Range::above(0));
  f.field("max_unscored", max_unscored,
          "Largest share of training documents that the scorer may leave without a score (NaN).", Range::between(0, 1));
  f.field("threads", threads, "Threads that score documents; 0 = one a core. The scores do not depend on it.",
          Range::between(0, 1024));
}

void check(const DataConfig& config) {
  const auto& tokenizer = config.tokenizer;
  if (!config.tokenizer_pattern.empty() && (tokenizer == "byte" || tokenizer == "sentencepiece" || tokenizer == "bpe"))
    throw Error(ErrorCode::config, fmt::format("tokenizer = \"{}\" takes no pattern", tokenizer),
                "data.tokenizer_pattern", "leave it out; it is for tiktoken rank files");
  if (config.sources.empty())
    throw Error(ErrorCode::config, "no data source", "data.sources", "add [[data.sources]] with name and path");
  std::set<std::string> names;
  size_t weighted = 0;
  for (size_t i = 0; i < config.sources.size(); ++i) {
    const auto& source = config.sources[i];
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
  parse_exhausted(config.exhausted, "data.exhausted");
  parse_packing(config.packing, "data.packing");
  const auto& quality = config.quality;
  if (!quality.report && (!quality.words.empty() || quality.max_duplicates > 0 || quality.max_drift > 0 ||
                          quality.max_listed_words > 0 || quality.max_personal_data > 0))
    throw Error(ErrorCode::config, "a list of words or a bound on the data does nothing without a report",
                "data.quality", "set data.quality.report = true");
  if (config.restart_positions && !config.document_mask)
    throw Error(ErrorCode::config, "restart_positions needs document_mask", "data.restart_positions",
                "set data.document_mask = true, or leave restart_positions out");
  parse_invalid_utf8(config.invalid_utf8, "data.invalid_utf8");
  if (config.dedup != "none" && config.dedup != "exact")
    throw Error(ErrorCode::config, fmt::format("dedup = \"{}\" is not known", config.dedup), "data.dedup",
                "use none or exact");
  if (weighted != 0 && weighted != config.sources.size())
    throw Error(ErrorCode::config, "some sources have a weight and some have not", "data.sources",
                "give a weight to every source, or to none to mix by number of tokens");
}

}  // namespace espalier
