/* Kind 2: data-difficulty scorers. A number per document; higher is harder. */
#ifndef ESPALIER_DIFFICULTY_H
#define ESPALIER_DIFFICULTY_H

#include <espalier/plugin.h>

/* What a scorer wants to see; the host leaves the other pointers NULL. */
#define ESP_NEEDS_TEXT 1u
#define ESP_NEEDS_TOKENS 2u
#define ESP_NEEDS_FIT 4u /* wants fit_batch() over all documents, then fit_end(), before score() */

/* A batch of documents in Arrow's list layout: document i is text[text_offsets[i] .. text_offsets[i+1]). */
typedef struct esp_docs {
  uint32_t struct_size, pad;
  uint64_t count;
  const uint64_t* ids; /* stable hash of the content */
  const int64_t* text_offsets;
  const char* text; /* UTF-8 */
  const int64_t* token_offsets;
  const int32_t* tokens;
} esp_docs;

typedef struct esp_difficulty {
  uint32_t struct_size, needs;                                     /* ESP_NEEDS_* */
  esp_status (*fit_batch)(void* self, esp_call*, const esp_docs*); /* [driver] */
  esp_status (*fit_end)(void* self, esp_call*);                    /* [driver] */
  /* out: one finite number a document, NaN = cannot say. [any] with ESP_CLAIM_REENTRANT, else [driver] */
  esp_status (*score)(void* self, esp_call*, const esp_docs*, float* out);
} esp_difficulty;

#endif
