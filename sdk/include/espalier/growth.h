/* Kind 1: growth strategies. A strategy never touches a tensor: it answers which shape each stage has, and describes
 * every parameter of the larger model as an expression over the smaller one. The host checks, prices, runs and records.
 */
#ifndef ESPALIER_GROWTH_H
#define ESPALIER_GROWTH_H

#include <espalier/plugin.h>

/* The numbers that growth may change (the first six and norm_eps) and two that it may read. norm_eps is among them
 * since a norm over a zero-padded width is exact only where eps shrinks with it. Frozen in size, as it lies inside
 * esp_arch: a further number goes to the end of esp_arch. As an out-parameter it comes with struct_size preset. */
typedef struct esp_dims {
  uint32_t struct_size, pad;
  int64_t num_layers, d_model, num_heads, num_kv_heads, head_dim, d_ff;
  int64_t vocab_size, seq_len;
  double norm_eps;
} esp_dims;

/* One parameter of a model. Frozen in size, as it lies in arrays. Roles are the last parts of the names: "embed",
 * "pos_embed", "norm1", "attn.q", "attn.k", "attn.v", "attn.o", "norm2", "mlp.up", "mlp.gate", "mlp.down",
 * "final_norm", "lm_head", with ".weight" or ".bias" only in the name. Axes name each dimension: "vocab", "seq",
 * "d_model", "q" (num_heads*head_dim), "kv" (num_kv_heads*head_dim), "d_ff". Linear weights are [out, in]. */
typedef struct esp_param_info {
  esp_str name, role;
  int32_t layer; /* -1 outside the blocks */
  int32_t ndim;
  const int64_t* shape;
  const esp_str* axes;
} esp_param_info;

#define ESP_ARCH_LAYERNORM 1u   /* else RMSNorm */
#define ESP_ARCH_LEARNED_POS 2u /* else RoPE */
#define ESP_ARCH_GATED_MLP 4u   /* SwiGLU */
#define ESP_ARCH_BIAS 8u        /* the linear layers of the attention, of the MLP or of both; params says which */
#define ESP_ARCH_TIED 16u       /* lm_head is embed; it is not listed as a parameter */

typedef struct esp_arch {
  uint32_t struct_size, flags;
  esp_dims dims;
  double rope_theta;
  uint64_t num_params;
  const esp_param_info* params;
} esp_arch;

typedef uint32_t esp_expr; /* a node of the plan; 0 = the call failed and its reason is recorded */

/* Which tensor of an old parameter src() names. */
#define ESP_WHAT_WEIGHT 0u
#define ESP_WHAT_EXP_AVG 1u
#define ESP_WHAT_EXP_AVG_SQ 2u
/* Only for assign_moment(), with ESP_MOMENTS_LIKE_GRADIENT. Since host minor 3. */
#define ESP_WHAT_GRADIENT 3u

/* What becomes of the optimizer's moments of a new parameter. */
#define ESP_MOMENTS_ZERO 0u   /* fresh state, step 0 */
#define ESP_MOMENTS_MAP 1u    /* the weight's expression applied to exp_avg, with squared coefficients to exp_avg_sq */
#define ESP_MOMENTS_CUSTOM 2u /* as given by assign_moment for both moments */
/* As a gradient moves, which is not as weights do: of k copies that share what reads them, each gets a part of the old
 * gradient. assign_moment(ESP_WHAT_GRADIENT) says how: an expression over src(..., ESP_WHAT_WEIGHT) in which each
 * weight stands for its gradient. It is applied to exp_avg, and with squared coefficients to exp_avg_sq. Without it the
 * host takes the smallest gradient G' that fits, with W' = M W and G = M^T G': G' = (pseudo-inverse of M)^T G. For
 * W' = A W B that is (A+)^T G (B+)^T: k plain copies get G / k each, copies that carry 1/k of a weight each get G. It
 * can do so where the value is made of pieces and copies of old weights times constants (each new value from one old
 * one), or of products of such by constant matrices; a plan that mixes old values is refused. Since host minor 3. */
#define ESP_MOMENTS_LIKE_GRADIENT 3u

/* How the learned() leaves of a plan are trained: the operator phase. Its steps are steps of the run: they take
 * batches, count in tokens and FLOPs, and come first in the new stage. AdamW, on the leaves alone. */
#define ESP_LEARNING_CONSTANT 0u
#define ESP_LEARNING_LINEAR 1u /* after the warm-up, to 0 at the end of the phase */
#define ESP_LEARNING_COSINE 2u
typedef struct esp_learning {
  uint32_t struct_size, shape; /* ESP_LEARNING_* */
  uint64_t steps, warmup;      /* warmup: steps of a linear rise, at most `steps` */
  double lr, weight_decay, beta1, beta2, eps, max_norm;
} esp_learning;

/* Builder of a growth plan, implemented by the host. Nothing runs until the host has checked the whole plan. After the
 * first failure every call returns 0 or an error, and the host reports the first reason. Constants must fit 32-bit
 * floating point. A plan has at most a million nodes with 16 million inputs. All [driver], during plan(). */
typedef struct esp_plan {
  uint32_t struct_size, pad;
  void* impl;
  esp_expr (*src)(void* impl, esp_str old_param, uint32_t what);
  esp_expr (*full)(void* impl, int32_t ndim, const int64_t* shape, double value);
  esp_expr (*normal)(void* impl, int32_t ndim, const int64_t* shape, double std, esp_str purpose);
  esp_expr (*data)(void* impl, int32_t ndim, const int64_t* shape, const double* values); /* small constant, copied */
  esp_expr (*lincomb)(void* impl, uint32_t n, const esp_expr* terms, const double* coefs);
  esp_expr (*wsum)(void* impl, esp_expr weights, uint32_t n, const esp_expr* terms); /* weights: a 1-d node of n */
  esp_expr (*matmul)(void* impl, esp_expr a, esp_expr b, int32_t transpose_a, int32_t transpose_b);
  esp_expr (*mul)(void* impl, esp_expr a, esp_expr b); /* element-wise, broadcast */
  esp_expr (*gather)(void* impl, esp_expr a, int32_t dim, const int64_t* index, uint64_t n);
  esp_expr (*slice)(void* impl, esp_expr a, int32_t dim, int64_t begin, int64_t end);
  esp_expr (*concat)(void* impl, int32_t dim, uint32_t n, const esp_expr* parts);
  esp_expr (*permute)(void* impl, esp_expr a, int32_t ndim, const int32_t* dims);
  esp_expr (*reshape)(void* impl, esp_expr a, int32_t ndim, const int64_t* shape);
  /* A trainable leaf (LiGO's operators), starting at `init`, which must not depend on old parameters. Its values after
   * the operator phase stand in the plan that is recorded. A plan with leaves needs learn(). */
  esp_expr (*learned)(void* impl, esp_str name, esp_expr init);
  esp_status (*assign)(void* impl, esp_str new_param, esp_expr value, uint32_t moments);
  esp_status (*assign_moment)(void* impl, esp_str new_param, uint32_t what, esp_expr value); /* not ESP_WHAT_WEIGHT */
  esp_status (*expect_preserving)(void* impl, double tol); /* this plan keeps the logits within tol (absolute, fp32) */
  esp_status (*learn)(void* impl, const esp_learning*);    /* once */
} esp_plan;

/* The strategy's table. [driver] */
typedef struct esp_growth {
  uint32_t struct_size, pad;
  /* [model] in the user's TOML is the final architecture. How many stages lead to it (>= 1)? */
  esp_status (*num_stages)(void* self, esp_call*, const esp_dims* final_dims, uint32_t* out);
  /* The shape at a stage, counted from 0; `out` comes preset to the final one. The last stage must equal it. */
  esp_status (*stage_dims)(void* self, esp_call*, const esp_dims* final_dims, uint32_t stage, esp_dims* out);
  /* Describes the step from one shape to the next: assign() every parameter of `to` exactly once. */
  esp_status (*plan)(void* self, esp_call*, const esp_arch* from, const esp_arch* to, const esp_plan* builder);
} esp_growth; /* when to grow is a scheduler's business ("growth.stage"), so that any strategy goes with any trigger */

/* What one optimizer step runs and trains. The arrays are the host's, preset to "everything": ones. */
typedef struct esp_step_shape {
  uint32_t struct_size, num_layers;
  uint8_t* run; /* num_layers: 0 = the layer is bypassed (identity); it costs nothing and its optimizer state rests */
  float* scale; /* num_layers: factor on the layer's residual branches */
  uint8_t* trainable; /* num_layers + 3: the layers, then embedding, final norm, head */
  /* Gates on parts of the width. 0: the part is left out; heads and units that are left out cost nothing. */
  uint32_t num_heads, d_ff, d_model;
  uint32_t phase;     /* out: the stage's phase at this step, which schedules see in their progress; preset to 0 */
  float* head_gate;   /* num_layers * num_heads: factor on each head's output */
  float* unit_gate;   /* num_layers * d_ff: factor on each hidden unit of the MLP */
  float* stream_gate; /* d_model: weight of each dimension of the residual stream in the norms, and factor on their
                         output */
  /* out: 1 = the gates and scales belong to the model as it stands (new parts that fade in): validation, samples and
   * checkpoints take them, too, but never run[] and trainable[]. Then fill() is also asked for the step after the last
   * one of a stage. Preset to 0 = they are a choice of this step alone (a sub-network): evaluation takes the whole
   * model. */
  uint32_t in_evaluation;
  uint32_t pad;
} esp_step_shape;

/* Object extension "esp.growth.step_shape/0": sub-networks and freezing. Pure in (parameters, state, progress). */
#define ESP_GROWTH_STEP_SHAPE "esp.growth.step_shape/0"
typedef struct esp_growth_step_shape {
  uint32_t struct_size, pad;
  esp_status (*fill)(void* self, esp_call*, const esp_progress*, esp_step_shape* out);
} esp_growth_step_shape;

#endif
