#include "core/plugin/decision_messages.h"

namespace espalier::plugin {

std::string StrategyAnswer::write() const {
  MessageWriter out;
  write_identity(out, identity);
  for (const bool flag : {shapes_steps, claims_preserving}) out.value(flag);
  out.value(preserve_tol);
  return out.bytes();
}

StrategyAnswer StrategyAnswer::read(const std::string& payload) {
  MessageReader in(payload);
  StrategyAnswer out;
  out.identity = read_identity(in);
  for (bool* flag : {&out.shapes_steps, &out.claims_preserving}) *flag = in.value<bool>();
  out.preserve_tol = in.value<double>();
  return out;
}

std::string ScheduleAnswer::write() const {
  MessageWriter out;
  write_identity(out, identity);
  for (const std::string& text : {message, place, hint}) out.text(text);
  return out.bytes();
}

ScheduleAnswer ScheduleAnswer::read(const std::string& payload) {
  MessageReader in(payload);
  ScheduleAnswer out;
  out.identity = read_identity(in);
  for (std::string* text : {&out.message, &out.place, &out.hint}) *text = in.text();
  return out;
}

std::string write_stage(const ModelSpec& spec) {
  MessageWriter out;
  for (const int64_t number :
       {spec.num_layers, spec.d_model, spec.num_heads, spec.num_kv_heads, spec.head_dim, spec.d_ff})
    out.value(number);
  out.value(spec.norm_eps);
  return out.bytes();
}

ModelSpec read_stage(const std::string& payload, const ModelSpec& final_spec) {
  MessageReader in(payload);
  ModelSpec spec = final_spec;
  for (int64_t* number :
       {&spec.num_layers, &spec.d_model, &spec.num_heads, &spec.num_kv_heads, &spec.head_dim, &spec.d_ff})
    *number = in.value<int64_t>();
  spec.norm_eps = in.value<double>();
  return spec;
}

std::string write_shape(const StepShape& shape) {
  MessageWriter out;
  for (const auto* flags : {&shape.run, &shape.trainable}) out.items(std::span<const uint8_t>(*flags));
  for (const auto* numbers : {&shape.scale, &shape.head_gate, &shape.unit_gate, &shape.stream_gate})
    out.items(std::span<const float>(*numbers));
  out.value(shape.phase);
  out.value(shape.in_evaluation);
  return out.bytes();
}

StepShape read_shape(const std::string& payload) {
  MessageReader in(payload);
  StepShape shape;
  for (auto* flags : {&shape.run, &shape.trainable}) {
    *flags = in.items<uint8_t>();
    for (uint8_t& flag : *flags) flag = flag != 0 ? 1 : 0;
  }
  for (auto* numbers : {&shape.scale, &shape.head_gate, &shape.unit_gate, &shape.stream_gate})
    *numbers = in.items<float>();
  shape.phase = in.value<decltype(shape.phase)>();
  shape.in_evaluation = in.value<bool>();
  return shape;
}

}  // namespace espalier::plugin
