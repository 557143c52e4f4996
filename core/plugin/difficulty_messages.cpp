#include "core/plugin/difficulty_messages.h"

#include <algorithm>

namespace espalier::plugin {
namespace {

void write_scalar(MessageWriter& out, const ParamScalar& scalar) {
  out.value<uint64_t>(scalar.index());
  if (const bool* flag = std::get_if<bool>(&scalar)) out.value(*flag);
  if (const int64_t* integer = std::get_if<int64_t>(&scalar)) out.value(*integer);
  if (const double* number = std::get_if<double>(&scalar)) out.value(*number);
  if (const std::string* text = std::get_if<std::string>(&scalar)) out.text(*text);
}

ParamScalar read_scalar(MessageReader& in) {
  switch (in.value<uint64_t>()) {
    case 0:
      return in.value<bool>();
    case 1:
      return in.value<int64_t>();
    case 2:
      return in.value<double>();
    default:
      return in.text();
  }
}

void write_params(MessageWriter& out, const std::map<std::string, ParamValue>& params) {
  out.value<uint64_t>(params.size());
  for (const auto& [key, value] : params) {
    out.text(key);
    out.text(value.place);
    out.value(value.is_list);
    out.value<uint64_t>(value.items.size());
    for (const auto& item : value.items) write_scalar(out, item);
  }
}

std::map<std::string, ParamValue> read_params(MessageReader& in) {
  std::map<std::string, ParamValue> params;
  for (auto left = in.value<uint64_t>(); left > 0; --left) {
    ParamValue& value = params[in.text()];
    value.place = in.text();
    value.is_list = in.value<bool>();
    for (auto items = in.value<uint64_t>(); items > 0; --items) value.items.push_back(read_scalar(in));
  }
  return params;
}

}  // namespace

std::string ScorerRequest::write() const {
  MessageWriter out;
  for (const std::string& text : {library, sha256, choice.plugin, choice.place}) out.text(text);
  write_params(out, choice.params);
  out.value(seed);
  for (const int64_t number : {run.total_steps, run.tokens_per_step, run.tokens_per_epoch}) out.value(number);
  out.value(run.flops_per_step);
  out.items(std::span<const TokenRate>(run.rates));
  return out.bytes();
}

ScorerRequest ScorerRequest::read(const std::string& payload) {
  MessageReader in(payload);
  ScorerRequest out;
  for (std::string* text : {&out.library, &out.sha256, &out.choice.plugin, &out.choice.place}) *text = in.text();
  out.choice.params = read_params(in);
  out.seed = in.value<uint64_t>();
  for (int64_t* number : {&out.run.total_steps, &out.run.tokens_per_step, &out.run.tokens_per_epoch})
    *number = in.value<int64_t>();
  out.run.flops_per_step = in.value<double>();
  out.run.rates = in.items<TokenRate>();
  return out;
}

std::string ScorerAnswer::write() const {
  MessageWriter out;
  const auto& who = identity;
  for (const std::string& text : {who.id, who.version, who.path, who.sha256, who.kind, who.params_json, fingerprint})
    out.text(text);
  out.value(who.abi_minor);
  out.value(who.claims);
  write_params(out, who.params);
  for (const bool flag : {needs_tokens, needs_fit, concurrent, mergeable}) out.value(flag);
  out.value<uint64_t>(inputs.size());
  for (const auto& input : inputs) out.text(input);
  return out.bytes();
}

ScorerAnswer ScorerAnswer::read(const std::string& payload) {
  MessageReader in(payload);
  ScorerAnswer out;
  auto& who = out.identity;
  for (std::string* text :
       {&who.id, &who.version, &who.path, &who.sha256, &who.kind, &who.params_json, &out.fingerprint})
    *text = in.text();
  who.abi_minor = in.value<uint32_t>();
  who.claims = in.value<uint64_t>();
  who.params = read_params(in);
  for (bool* flag : {&out.needs_tokens, &out.needs_fit, &out.concurrent, &out.mergeable}) *flag = in.value<bool>();
  for (auto left = in.value<uint64_t>(); left > 0; --left) out.inputs.push_back(in.text());
  return out;
}

namespace {

// Bounds of `count` documents in `size` items; none at all where they may be left out.
void check_offsets(const std::vector<int64_t>& offsets, size_t count, size_t size, bool may_lack) {
  if (may_lack && offsets.empty() && size == 0) return;
  if (offsets.size() != count + 1 || offsets.front() != 0 || !std::is_sorted(offsets.begin(), offsets.end()) ||
      static_cast<uint64_t>(offsets.back()) != size)
    throw Error(ErrorCode::plugin, "a message between processes holds documents that lie outside of it");
}

}  // namespace

std::string write_docs(const DocBatch& docs) {
  MessageWriter out;
  out.items(docs.ids);
  out.items(docs.text_offsets);
  out.items(docs.token_offsets);
  out.items(docs.text);
  out.items(docs.tokens);
  out.items(docs.inputs);
  out.value<uint64_t>(docs.num_inputs);
  return out.bytes();
}

OwnedDocs::OwnedDocs(const std::string& payload) {
  MessageReader in(payload);
  ids_ = in.items<uint64_t>();
  text_offsets_ = in.items<int64_t>();
  token_offsets_ = in.items<int64_t>();
  text_ = in.items<char>();
  tokens_ = in.items<int32_t>();
  inputs_ = in.items<float>();
  num_inputs_ = in.value<uint64_t>();
  check_offsets(text_offsets_, ids_.size(), text_.size(), false);
  check_offsets(token_offsets_, ids_.size(), tokens_.size(), true);
  if ((!ids_.empty() && num_inputs_ > inputs_.size()) || inputs_.size() != ids_.size() * num_inputs_)
    throw Error(ErrorCode::plugin, "a message between processes holds another number of inputs than of documents");
}

DocBatch OwnedDocs::batch() const {
  return {ids_, text_offsets_, token_offsets_, text_, tokens_, inputs_, num_inputs_};
}

}  // namespace espalier::plugin
