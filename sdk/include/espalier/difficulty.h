/* Kind 2: data-difficulty scorers. A number per document; higher is harder. */
#ifndef ESPALIER_DIFFICULTY_H
#define ESPALIER_DIFFICULTY_H

#include <espalier/plugin.h>

/* What a scorer wants to see; the host leaves the other pointers NULL. */
#define ESP_NEEDS_TEXT 1u
#define ESP_NEEDS_TOKENS 2u
#define ESP_NEEDS_FIT 4u    /* wants fit_batch() over all documents, then fit_end(), before score() */
#define ESP_NEEDS_INPUTS 8u /* wants other scores of the same documents, listed by ESP_DIFFICULTY_INPUTS */

/* A batch of documents in Arrow's list layout: document i is text[text_offsets[i] .. text_offsets[i+1]). */
typedef struct esp_docs {
  uint32_t struct_size, pad;
  uint64_t count;
  const uint64_t* ids; /* stable hash of the content */
  const int64_t* text_offsets;
  const char* text; /* UTF-8 */
  const int64_t* token_offsets;
  const int32_t* tokens;
  uint64_t num_inputs; /* inputs of each document; 0 unless asked for */
  const float* inputs; /* count * num_inputs, document after document; NaN = that input cannot say */
} esp_docs;

typedef struct esp_difficulty {
  uint32_t struct_size, needs;                                     /* ESP_NEEDS_* */
  esp_status (*fit_batch)(void* self, esp_call*, const esp_docs*); /* [driver] */
  esp_status (*fit_end)(void* self, esp_call*);                    /* [driver] */
  /* out: one finite number a document, NaN = cannot say. [any] with ESP_CLAIM_REENTRANT, else [driver] */
  esp_status (*score)(void* self, esp_call*, const esp_docs*, float* out);
  /* Optional, with ESP_NEEDS_FIT: adds what another object of the same plugin and parameters has seen in fit_batch()
   * and then save()d, before fit_end() of either. Associative and commutative: the documents may be cut into parts
   * anyhow. Without it one object sees all documents. [driver] */
  esp_status (*fit_merge)(void* self, esp_call*, const esp_in* other_state);
} esp_difficulty;

/* Object extension "esp.difficulty.inputs/0", with ESP_NEEDS_INPUTS. list() answers the inputs in the order in which
 * esp_docs holds them; the same every time, and valid as long as the object. An input is the id or short name of
 * another scorer, or of a column that the host computes, and optionally a TOML table of its parameters: compression
 *   compression { level = 9 }
 *   host.loss { model = "runs/base" }    loss of a trained model in bits per byte; `model` is a run or checkpoint
 * folder [driver] */
#define ESP_DIFFICULTY_INPUTS "esp.difficulty.inputs/0"
typedef struct esp_difficulty_inputs {
  uint32_t struct_size, pad;
  esp_status (*list)(void* self, esp_call*, const esp_str** inputs, uint32_t* num_inputs);
} esp_difficulty_inputs;

#endif
