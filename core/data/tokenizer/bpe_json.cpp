#include "core/data/tokenizer/bpe_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/data/tokenizer/byte_level.h"
#include "core/data/tokenizer/hf_files.h"

namespace espalier {
namespace {

using nlohmann::json;
using Vocab = std::unordered_map<std::string, int32_t>;

constexpr int64_t kMostIds = int64_t{1} << 24, kMostGaps = int64_t{1} << 16;

class Reader {
 public:
  Reader(const json& hf, const std::string& eos, const std::string& place) : hf_(hf), eos_(eos), place_(place) {}

  BpeParts read() {
    if (!hf_.is_object()) fail("", "not a JSON object");
    for (const char* name : {"truncation", "padding"})
      if (!absent(hf_, name))
        fail(name, "a tokenizer that changes the length of texts is not supported", "set it to null");
    read_normalizer();
    read_pre_tokenizer(member(hf_, "pre_tokenizer", ""), "pre_tokenizer");
    if (!byte_level_) fail("pre_tokenizer", "it has no ByteLevel part", kOnly);
    if (type_of(member(hf_, "decoder", "")) != "ByteLevel") fail("decoder", "it is not ByteLevel", kOnly);
    const json& model = member(hf_, "model", "");
    if (!model.is_object() || model.value("type", json("BPE")) != "BPE")
      fail("model.type", "this kind of tokenizer is not supported", kOnly);
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!absent(model, name) && model[name] != "") fail(std::string("model.") + name, "it is not supported", kOnly);
    if (!absent(model, "dropout") && model["dropout"] != 0.0)
      fail("model.dropout", "random merges are not supported", "set it to null");
    if (const auto found = model.find("ignore_merges"); found != model.end()) {
      if (!found->is_boolean()) fail("model.ignore_merges", "not true or false");
      parts_.ignore_merges = found->get<bool>();
    }
    read_vocab(member(model, "vocab", "model."));
    read_merges(member(model, "merges", "model."));
    read_added();
    return std::move(parts_);
  }

 private:
  static constexpr const char* kOnly =
      "supported: byte-level BPE, SentencePiece (tokenizer.model) and the byte tokenizer";

  [[noreturn]] void fail(const std::string& at, const std::string& message, const std::string& hint = "") const {
    throw Error(ErrorCode::data, message, at.empty() ? place_ : place_ + ": " + at,
                hint.empty() ? "copy the tokenizer again" : hint);
  }
  static bool absent(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null();
  }
  const json& member(const json& object, const char* name, const std::string& prefix) const {
    const auto found = object.find(name);
    if (found == object.end()) fail(prefix + name, "it is missing");
    return *found;
  }
  static std::string type_of(const json& part) {
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string()) return "";
    return part["type"].get<std::string>();
  }
  bool flag(const json& part, const char* name, bool otherwise, const std::string& at) const {
    const auto found = part.find(name);
    if (found == part.end()) return otherwise;
    if (!found->is_boolean()) fail(at + "." + name, "not true or false");
    return found->get<bool>();
  }
  int32_t id_of(const json& value, const std::string& at) const {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() >= kMostIds)
      fail(at, "not a token id");
    // Ids may leave gaps, but memory is not given to a small file for a large number in it.
    if (value.get<int64_t>() > most_ids_)
      fail(at, fmt::format("the id {} is too large for this vocabulary", value.dump()));
    return value.get<int32_t>();
  }

  void read_normalizer() const {
    if (absent(hf_, "normalizer")) return;
    const json& part = hf_["normalizer"];
    const std::string type = type_of(part);
    if (type == "Sequence" && part.contains("normalizers") && part["normalizers"].empty()) return;
    fail("normalizer", fmt::format("a normalizer ({}) is not supported: the text could not be given back", type),
         "where the text is in that form already, set it to null");
  }

  void read_pre_tokenizer(const json& part, const std::string& at) {
    if (byte_level_) fail(at, "nothing may follow ByteLevel", kOnly);
    const std::string type = type_of(part);
    if (type == "Sequence") {
      const json& inner = member(part, "pretokenizers", at + ".");
      if (!inner.is_array()) fail(at + ".pretokenizers", "not a list");
      for (size_t i = 0; i < inner.size(); ++i)
        read_pre_tokenizer(inner[i], fmt::format("{}.pretokenizers[{}]", at, i));
    } else if (type == "ByteLevel") {
      byte_level_ = true;
      auto& pre = parts_.pre_tokenizer;
      pre.add_prefix_space = flag(part, "add_prefix_space", true, at);
      if (pre.add_prefix_space && !pre.stages.empty())
        fail(at + ".add_prefix_space", "a space before every piece is not supported", "set it to false");
      if (flag(part, "use_regex", true, at)) pre.stages.push_back(SplitPattern::gpt2);
    } else if (type == "Digits") {
      // Digits are those of Rust's is_numeric, which is \p{N}.
      if (!flag(part, "individual_digits", false, at))
        fail(at + ".individual_digits", "whole numbers apart are not supported", kOnly);
      parts_.pre_tokenizer.stages.push_back(SplitPattern::digit);
    } else if (type == "Split") {
      read_split(part, at);
    } else {
      fail(at, fmt::format("the pre-tokenizer \"{}\" is not supported", type), kOnly);
    }
  }

  void read_split(const json& part, const std::string& at) {
    const json& pattern = member(part, "pattern", at + ".");
    if (!pattern.is_object() || !pattern.contains("Regex") || !pattern["Regex"].is_string())
      fail(at + ".pattern", "not a regular expression", kOnly);
    const auto known = pattern_of_regex(pattern["Regex"].get<std::string>());
    if (!known)
      fail(at + ".pattern.Regex", "this regular expression is not among those that are supported",
           "supported: those of GPT-2, GPT-4, GPT-4o, Llama 3, Qwen 2 and DeepSeek V3");
    // These match every character, so keeping the matches alone is the same.
    const bool complete = *known <= SplitPattern::o200k;
    const json behavior = part.value("behavior", json(""));
    const bool inverted = flag(part, "invert", false, at);
    if (!(behavior == "Isolated" || (behavior == "Removed" && inverted && complete)))
      fail(at + ".behavior",
           fmt::format("{} is not supported", behavior.dump(-1, ' ', false, json::error_handler_t::replace)),
           "supported: Isolated");
    parts_.pre_tokenizer.stages.push_back(*known);
  }

  std::string& token(int32_t id) {
    if (static_cast<size_t>(id) >= parts_.tokens.size()) {
      parts_.tokens.resize(static_cast<size_t>(id) + 1);
      used_.resize(parts_.tokens.size());
    }
    return parts_.tokens[static_cast<size_t>(id)];
  }

  void read_vocab(const json& vocab) {
    if (!vocab.is_object() || vocab.empty()) fail("model.vocab", "not an object of tokens and ids");
    most_ids_ = static_cast<int64_t>(2 * vocab.size()) + kMostGaps;
    vocab_.reserve(vocab.size());
    for (const auto& [text, value] : vocab.items()) {
      const int32_t id = id_of(value, fmt::format("model.vocab[\"{}\"]", text));
      std::string& bytes = token(id);
      if (used_[static_cast<size_t>(id)])
        fail(fmt::format("model.vocab[\"{}\"]", text), fmt::format("the id {} is there twice", id));
      used_[static_cast<size_t>(id)] = true;
      if (!from_byte_level(text, bytes)) bytes = text;  // an added token
      vocab_.emplace(text, id);
    }
  }

  int32_t known(const std::string& text, const std::string& at) const {
    const auto found = vocab_.find(text);
    if (found == vocab_.end()) fail(at, fmt::format("\"{}\" is not in the vocabulary", text));
    return found->second;
  }

  void read_merges(const json& merges) {
    if (!merges.is_array()) fail("model.merges", "not a list");
    std::set<std::pair<int32_t, int32_t>> seen;
    for (size_t i = 0; i < merges.size(); ++i) {
      const auto at = fmt::format("model.merges[{}]", i);
      std::string left, right;
      if (merges[i].is_string()) {
        const auto text = merges[i].get<std::string>();
        const size_t space = text.find(' ');
        if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) fail(at, "not two tokens");
        left = text.substr(0, space);
        right = text.substr(space + 1);
      } else if (merges[i].is_array() && merges[i].size() == 2 && merges[i][0].is_string() &&
                 merges[i][1].is_string()) {
        left = merges[i][0].get<std::string>();
        right = merges[i][1].get<std::string>();
      } else {
        fail(at, "not two tokens");
      }
      parts_.merges.push_back({known(left, at), known(right, at), known(left + right, at)});
      if (!seen.emplace(parts_.merges.back().left, parts_.merges.back().right).second)
        fail(at, "this pair is there twice");
    }
  }

  void read_added() {
    if (!absent(hf_, "added_tokens")) {
      const json& added = hf_["added_tokens"];
      if (!added.is_array()) fail("added_tokens", "not a list");
      for (size_t i = 0; i < added.size(); ++i) read_added_token(added[i], fmt::format("added_tokens[{}]", i));
    }
    const auto eos = std::find_if(parts_.added.begin(), parts_.added.end(),
                                  [&](const AddedToken& token) { return token.special && token.text == eos_; });
    if (eos == parts_.added.end())
      fail("added_tokens", fmt::format("the end-of-text token \"{}\" is not among the special ones", eos_),
           "name a special token as eos_token in tokenizer_config.json");
    parts_.eos = eos->id;
  }

  void read_added_token(const json& entry, const std::string& at) {
    if (!entry.is_object()) fail(at, "not an object");
    const json& content = member(entry, "content", at + ".");
    if (!content.is_string() || content.get<std::string>().empty()) fail(at + ".content", "no text");
    AddedToken added{id_of(member(entry, "id", at + "."), at + ".id"), content.get<std::string>(),
                     flag(entry, "special", false, at), false};
    const auto in_vocab = vocab_.find(added.text);
    std::string& bytes = token(added.id);
    if (in_vocab != vocab_.end() ? in_vocab->second != added.id : used_[static_cast<size_t>(added.id)])
      fail(at + ".id", fmt::format("\"{}\" has another id in the vocabulary, or its id is taken", added.text));
    used_[static_cast<size_t>(added.id)] = true;
    bytes = added.special ? "" : added.text;
    if (!added.special) {
      for (const char* name : {"single_word", "lstrip", "rstrip"})
        if (flag(entry, name, false, at)) fail(at + "." + name, "it is not supported", "set it to false");
      added.normalized = flag(entry, "normalized", true, at);
    }
    parts_.added.push_back(std::move(added));
  }

  const json& hf_;
  const std::string& eos_;
  const std::string& place_;
  BpeParts parts_;
  Vocab vocab_;
  std::vector<bool> used_;  // ids
  int64_t most_ids_ = kMostGaps;
  bool byte_level_ = false;
};

}  // namespace

BpeParts bpe_parts(const json& hf, const std::string& eos, const std::string& place) {
  return Reader(hf, eos, place).read();
}

json bpe_tokenizer_json(const BpeParts& parts) {
  std::vector<SpecialToken> special;
  json vocab = json::object(), merges = json::array();
  for (size_t id = 0; id < parts.tokens.size(); ++id)
    if (!parts.tokens[id].empty()) vocab[to_byte_level(parts.tokens[id])] = id;
  for (const auto& token : parts.added) {
    special.push_back({token.id, token.text});
    vocab[token.text] = token.id;
  }
  const auto text = [&](int32_t id) { return to_byte_level(parts.tokens[static_cast<size_t>(id)]); };
  for (const auto& merge : parts.merges) merges.push_back(text(merge.left) + " " + text(merge.right));

  const auto& stages = parts.pre_tokenizer.stages;
  const bool own_regex = !stages.empty() && stages.back() == SplitPattern::gpt2;
  json byte_level{{"type", "ByteLevel"},
                  {"add_prefix_space", parts.pre_tokenizer.add_prefix_space},
                  {"trim_offsets", true},
                  {"use_regex", own_regex}};
  json pre_tokenizer = byte_level;
  if (stages.size() > (own_regex ? 1u : 0u)) {
    json sequence = json::array();
    for (size_t i = 0; i + (own_regex ? 1 : 0) < stages.size(); ++i)
      sequence.push_back({{"type", "Split"},
                          {"pattern", {{"Regex", regex_of(stages[i])}}},
                          {"behavior", "Isolated"},
                          {"invert", false}});
    sequence.push_back(byte_level);
    pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", sequence}};
  }
  return hf_tokenizer_json(special, {{"pre_tokenizer", pre_tokenizer},
                                     {"decoder", byte_level},
                                     {"model",
                                      {{"type", "BPE"},
                                       {"dropout", nullptr},
                                       {"unk_token", nullptr},
                                       {"continuing_subword_prefix", nullptr},
                                       {"end_of_word_suffix", nullptr},
                                       {"fuse_unk", false},
                                       {"byte_fallback", false},
                                       {"ignore_merges", parts.ignore_merges},
                                       {"vocab", vocab},
                                       {"merges", merges}}}});
}

}  // namespace espalier
