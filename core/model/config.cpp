#include "core/model/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace espalier {

void RopeScalingConfig::fields(Fields& f) {
  f.field("type", type,
          "How rotary frequencies are stretched, as in transformers: linear divides all by factor; llama3 only those "
          "whose wavelength is long against original_max_position_embeddings.",
          {"none", "linear", "llama3"});
  f.field("factor", factor, "By how much.", Range::at_least(1));
  f.field("low_freq_factor", low_freq_factor,
          "llama3: wavelengths above original_max_position_embeddings / this are stretched by the whole factor.",
          Range::above(0));
  f.field("high_freq_factor", high_freq_factor,
          "llama3: wavelengths below original_max_position_embeddings / this stay; between the two it is a blend.",
          Range::above(0));
  f.field("original_max_position_embeddings", original_max_position_embeddings,
          "llama3: the length that the model was pre-trained with.",
          Range::between(1, static_cast<double>(kMaxSeqLen)));
}

void ModelConfig::fields(Fields& f) {
  f.field("num_layers", num_layers, "Transformer blocks of the final model.",
          Range::between(1, static_cast<double>(kMaxLayers)));
  f.field("d_model", d_model, "Width of the residual stream.", Range::between(1, static_cast<double>(kMaxWidth)));
  f.field("num_heads", num_heads, "Query heads.", Range::between(1, static_cast<double>(kMaxWidth)));
  f.field("num_kv_heads", num_kv_heads, "Key/value heads (grouped-query attention); 0 = num_heads.",
          Range::between(0, static_cast<double>(kMaxWidth)));
  f.field("head_dim", head_dim, "Size of a head; 0 = d_model / num_heads.",
          Range::between(0, static_cast<double>(kMaxWidth)));
  f.field("d_ff", d_ff,
          "Hidden units of the MLP; 0 = 4 d_model, or 8/3 d_model rounded up to 64 where the MLP is gated.",
          Range::between(0, static_cast<double>(kMaxWidth)));
  f.field("vocab_size", vocab_size, "Rows of the embedding; 0 = the tokenizer's, otherwise at least that.",
          Range::between(0, static_cast<double>(kMaxVocab)));
  f.field("norm", norm, "Normalisation before each branch and the head.", {"rmsnorm", "layernorm"});
  f.field("position", position, "Rotary positions, or a learned table of seq_len rows.", {"rope", "learned"});
  f.field("activation", activation,
          "MLP: SiLU, GELU (gelu: its tanh form, as GPT-2; gelu_erf: exact), ReLU or squared ReLU of the hidden units; "
          "swiglu, geglu, geglu_erf and reglu: the same functions of a second projection, as a gate.",
          activation_names());
  f.field("bias", bias, "Biases on every linear layer.");
  f.field("attention_bias", attention_bias, "Biases on the projections of the attention, whatever bias says.");
  f.field("mlp_bias", mlp_bias, "Biases on the projections of the MLP, whatever bias says.");
  f.field("tie_embeddings", tie_embeddings, "The head uses the embedding's matrix.");
  f.field("norm_eps", norm_eps, "Added to the variance inside a norm.", Range::above(0));
  f.field("rope_theta", rope_theta, "Base of the rotary frequencies.", Range::above(0));
  f.field("init_std", init_std,
          "Standard deviation of the initial weights; projections into the residual stream get "
          "init_std / sqrt(2 num_layers).",
          Range::above(0));
  f.table("rope_scaling", rope_scaling, "Rotary positions for a longer context than that of pre-training.");
}

ModelSpec ModelConfig::spec(int64_t tokenizer_vocab, int64_t seq_len, const Places& places) const {
  if (vocab_size != 0 && vocab_size < tokenizer_vocab)
    throw Error(ErrorCode::config,
                fmt::format("vocab_size = {} is smaller than the tokenizer's {}", vocab_size, tokenizer_vocab),
                places.of("model.vocab_size"), "leave it out (or 0) to take the tokenizer's size");
  if (head_dim == 0 && d_model % num_heads != 0)
    throw Error(ErrorCode::config, fmt::format("d_model = {} is not divisible by num_heads = {}", d_model, num_heads),
                places.of("model.d_model"), "choose a multiple, or set head_dim");
  ModelSpec spec;
  spec.num_layers = num_layers;
  spec.d_model = d_model;
  spec.num_heads = num_heads;
  spec.num_kv_heads = num_kv_heads == 0 ? num_heads : num_kv_heads;
  spec.head_dim = head_dim == 0 ? d_model / num_heads : head_dim;
  spec.activation = *activation_of(activation);
  const int64_t width = std::min(d_model, kMaxSize + 1);  // check_spec() refuses what is above kMaxSize
  spec.d_ff = d_ff != 0 ? d_ff : spec.gated() ? (8 * width / 3 + 63) / 64 * 64 : 4 * width;
  spec.vocab_size = vocab_size == 0 ? tokenizer_vocab : vocab_size;
  spec.seq_len = seq_len;
  spec.norm = *norm_of(norm);
  spec.position = *position_of(position);
  spec.attention_bias = bias || attention_bias;
  spec.mlp_bias = bias || mlp_bias;
  spec.tie_embeddings = tie_embeddings;
  spec.norm_eps = norm_eps;
  spec.rope_theta = rope_theta;
  spec.rope_scaling = {*rope_scaling_of(rope_scaling.type), rope_scaling.factor, rope_scaling.low_freq_factor,
                       rope_scaling.high_freq_factor, rope_scaling.original_max_position_embeddings};
  if (spec.rope_scaling.type == RopeScaling::Type::none) spec.rope_scaling = {};  // its numbers mean nothing then
  if (const auto problem = check_spec(spec); !problem.message.empty())
    throw Error(ErrorCode::config, problem.message, places.of("model." + problem.key));
  return spec;
}

}  // namespace espalier
