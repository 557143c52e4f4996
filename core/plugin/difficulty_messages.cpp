#include "core/plugin/difficulty_messages.h"

#include <algorithm>

namespace espalier::plugin {
std::string ScorerAnswer::write() const {
  MessageWriter out;
  write_identity(out, identity);
  out.text(fingerprint);
  for (const bool flag : {needs_tokens, needs_fit, concurrent, mergeable}) out.value(flag);
  write_texts(out, inputs);
  return out.bytes();
}

ScorerAnswer ScorerAnswer::read(const std::string& payload) {
  MessageReader in(payload);
  ScorerAnswer out;
  out.identity = read_identity(in);
  out.fingerprint = in.text();
  for (bool* flag : {&out.needs_tokens, &out.needs_fit, &out.concurrent, &out.mergeable}) *flag = in.value<bool>();
  out.inputs = read_texts(in);
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
