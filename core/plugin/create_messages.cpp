#include "core/plugin/create_messages.h"

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

void write_texts(MessageWriter& out, const std::vector<std::string>& texts) {
  out.value<uint64_t>(texts.size());
  for (const auto& text : texts) out.text(text);
}

std::vector<std::string> read_texts(MessageReader& in) {
  std::vector<std::string> texts;
  for (auto left = in.value<uint64_t>(); left > 0; --left) texts.push_back(in.text());
  return texts;
}

std::string CreateRequest::write() const {
  MessageWriter out;
  out.value(kind);
  for (const std::string& text : {library, sha256, choice.plugin, choice.place}) out.text(text);
  write_params(out, choice.params);
  out.value(seed);
  for (const int64_t number : {run.total_steps, run.tokens_per_step, run.tokens_per_epoch}) out.value(number);
  out.value(run.flops_per_step);
  out.items(std::span<const TokenRate>(run.rates));
  write_texts(out, keys);
  out.value(start);
  return out.bytes();
}

CreateRequest CreateRequest::read(const std::string& payload) {
  MessageReader in(payload);
  CreateRequest out;
  out.kind = in.value<Kind>();
  for (std::string* text : {&out.library, &out.sha256, &out.choice.plugin, &out.choice.place}) *text = in.text();
  out.choice.params = read_params(in);
  out.seed = in.value<uint64_t>();
  for (int64_t* number : {&out.run.total_steps, &out.run.tokens_per_step, &out.run.tokens_per_epoch})
    *number = in.value<int64_t>();
  out.run.flops_per_step = in.value<double>();
  out.run.rates = in.items<TokenRate>();
  out.keys = read_texts(in);
  out.start = in.value<Progress>();
  return out;
}

CreateRequest create_request(const Listing& listing, const PluginChoice& choice, const PluginSetup& setup) {
  CreateRequest request{
      listing.info.kind, listing.path.string(), listing.sha256, choice, setup.seed, setup.run, {}, {}};
  request.choice.plugin = listing.info.id;
  return request;
}

void write_identity(MessageWriter& out, const PluginIdentity& who) {
  for (const std::string& text : {who.id, who.version, who.path, who.sha256, who.kind, who.params_json}) out.text(text);
  out.value(who.abi_minor);
  out.value(who.claims);
  write_params(out, who.params);
}

PluginIdentity read_identity(MessageReader& in) {
  PluginIdentity who;
  for (std::string* text : {&who.id, &who.version, &who.path, &who.sha256, &who.kind, &who.params_json})
    *text = in.text();
  who.abi_minor = in.value<uint32_t>();
  who.claims = in.value<uint64_t>();
  who.params = read_params(in);
  return who;
}

}  // namespace espalier::plugin
