#include "core/checkpoint/model_files/hf_config_keys.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace espalier {
namespace {

using nlohmann::json;

// Of every model in transformers (PretrainedConfig), and of tools that write beside it.
constexpr std::string_view kHarmless[] = {
    // what the file is
    "architectures", "model_type", "transformers_version", "_name_or_path", "_commit_hash", "torch_dtype", "dtype",
    "tokenizer_class", "prefix", "name_or_path", "transformers.js_config", "unsloth_fixed", "unsloth_version",
    "is_llama_config", "use_bfloat16", "torchscript", "tf_legacy_loss",
    // how it is computed
    "use_cache", "_attn_implementation", "attn_implementation", "_attn_implementation_autoset",
    "_attn_implementation_internal", "_experts_implementation", "chunk_size_feed_forward", "gradient_checkpointing",
    "pretraining_tp", "output_attentions", "output_hidden_states", "return_dict", "use_return_dict",
    // training
    "initializer_range", "initializer_factor", "attention_dropout", "hidden_dropout",
    // token ids that the model itself does not see
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id", "unk_token_id",
    // task heads
    "num_labels", "id2label", "label2id", "problem_type", "finetuning_task", "task_specific_params",
    "classifier_dropout",
    // generation
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens", "max_new_tokens", "penalty_alpha", "is_decoder",
    "cross_attention_hidden_size", "bos_token", "eos_token", "pad_token", "vocab_file", "merges_file"};
constexpr std::string_view kHarmlessGpt2[] = {"n_ctx",
                                              "attn_pdrop",
                                              "embd_pdrop",
                                              "resid_pdrop",
                                              "summary_activation",
                                              "summary_first_dropout",
                                              "summary_proj_to_labels",
                                              "summary_type",
                                              "summary_use_proj",
                                              "reorder_and_upcast_attn",
                                              "predict_special_tokens"};

}  // namespace

bool is_harmless_key(const std::string& model_type, const std::string& key) {
  const auto among = [&](const auto& keys) {
    return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
  };
  return among(kHarmless) || (model_type == "gpt2" && among(kHarmlessGpt2));
}

std::optional<json> neutral_value(const std::string& model_type, const std::string& key) {
  static const std::vector<std::pair<std::string, json>> all{{"is_encoder_decoder", false},
                                                             {"tie_encoder_decoder", false},
                                                             {"add_cross_attention", false},
                                                             {"pruned_heads", json::object()}};
  static const std::vector<std::pair<std::string, json>> gpt2{{"scale_attn_weights", true},
                                                              {"scale_attn_by_inverse_layer_idx", false}};
  static const std::vector<std::pair<std::string, json>> llama{{"partial_rotary_factor", 1.0},
                                                               {"rope_interleaved", false}};
  const auto in = [&](const auto& pairs) -> std::optional<json> {
    for (const auto& [name, value] : pairs)
      if (name == key) return value;
    return std::nullopt;
  };
  if (auto value = in(all)) return value;
  return model_type == "gpt2" ? in(gpt2) : model_type == "llama" ? in(llama) : std::nullopt;
}

}  // namespace espalier
