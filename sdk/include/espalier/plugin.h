/* What every plugin is, whatever its kind: descriptor, parameters, object, factory, entry. */
#ifndef ESPALIER_PLUGIN_H
#define ESPALIER_PLUGIN_H

#include <espalier/host.h>

/* Types of a parameter. */
#define ESP_PARAM_BOOL 1u
#define ESP_PARAM_I64 2u
#define ESP_PARAM_F64 3u
#define ESP_PARAM_STR 4u /* with `choices`: one of them */
#define ESP_PARAM_DURATION \
  5u /* "100st" | "2ep" | "1e9tok" | "0.3dur" | "1e15flop"; read it with i64(): optimizer steps */
#define ESP_PARAM_I64_LIST 6u
#define ESP_PARAM_F64_LIST 7u
#define ESP_PARAM_STR_LIST 8u

#define ESP_PARAM_REQUIRED 1u /* flags: no default */
#define ESP_PARAM_HAS_MIN 2u  /* `min` holds */
#define ESP_PARAM_HAS_MAX 4u  /* `max` holds */
#define ESP_PARAM_MIN_OPEN 8u /* the value must be greater than `min`, not equal */
#define ESP_PARAM_TUNABLE 16u /* worth searching over */
#define ESP_PARAM_PATH 32u    /* text that names a file or folder: the host expands "~/" and makes it absolute */

/* One parameter: the host checks the user's TOML against it before any code of the plugin sees it. */
typedef struct esp_param {
  uint32_t struct_size, type, flags, num_choices;
  esp_str key, doc, unit;
  esp_str default_value; /* a TOML literal: "3", "0.5", "\"copy\"", "[1, 2]" */
  double min, max;       /* of the value, or of each item of a list */
  const esp_str* choices;
} esp_param;

/* Claims: promises that the host and the validator test. */
#define ESP_CLAIM_DETERMINISTIC 1u /* same inputs, same outputs, in any process */
#define ESP_CLAIM_PRESERVING 2u    /* growth: logits unchanged within preserve_tol; the host verifies and refuses */
#define ESP_CLAIM_STATELESS 4u     /* save() writes nothing */
#define ESP_CLAIM_REENTRANT 8u     /* difficulty: score() may run on several threads at once */

/* Static metadata, readable before any other code of the plugin runs. params[] lies params[0].struct_size bytes apart.
 */
typedef struct esp_desc {
  uint32_t struct_size, num_params, state_version, pad;
  /* Reverse DNS, "org.example.growth.mine": three parts or more of letters, digits, '-' and '_'; the last part is the
   * short name. "org.espalier." is kept for the plugins that come with Espalier. No text here and no key of a parameter
   * may have control characters or line breaks in it; only `citation` may have line breaks. */
  esp_str id;
  esp_str name, version, vendor, license, summary, url, citation; /* version is semver */
  uint64_t claims;                                                /* ESP_CLAIM_* */
  double preserve_tol;
  const esp_param* params;
} esp_desc;

/* The checked parameters. Every key of params[] is there: the user's value, or the default. Valid during create().
 * `index` is 0 for a scalar. All return ESP_OK, ESP_NOT_FOUND or ESP_INVALID_ARGUMENT (another type). [driver] */
typedef struct esp_config {
  uint32_t struct_size, pad;
  const void* impl;
  esp_status (*count)(const struct esp_config*, const char* key, uint64_t* out);              /* 1 for a scalar */
  esp_status (*i64)(const struct esp_config*, const char* key, uint64_t index, int64_t* out); /* bool, i64, duration */
  esp_status (*f64)(const struct esp_config*, const char* key, uint64_t index, double* out);  /* also takes an i64 */
  esp_status (*str)(const struct esp_config*, const char* key, uint64_t index, esp_str* out);
} esp_config;

/* Where a run is: all that a decision may depend on. There is no clock. */
typedef struct esp_progress {
  uint32_t struct_size, stage, num_stages, phase; /* phase: a stage's own part; 0 unless the strategy has several */
  uint64_t step, total_steps;                     /* step: number of finished optimizer steps */
  uint64_t tokens, total_tokens;
  uint64_t stage_step, stage_total_steps; /* within the stage; total 0 where it is open-ended */
  double epoch, flops, total_flops;
  double lr_peak, lr_previous; /* [optimizer].lr; LR of the step before, 0 at step 0 */
} esp_progress;

/* One living object. The host calls destroy() exactly once. The host allocates it and presets struct_size to the size
 * it knows; create() fills what fits and leaves struct_size alone. */
typedef struct esp_object {
  uint32_t struct_size, pad;
  void* self;
  void (*destroy)(void* self);                               /* [driver] */
  const void* (*get)(void* self, const char* extension_id);  /* NULL: none. [driver] */
  esp_status (*save)(void* self, esp_call*, const esp_out*); /* same state, same bytes */
  esp_status (*load)(void* self, esp_call*, uint32_t state_version, const esp_in*);
} esp_object;

/* Makes objects of one kind. create() fills `out` and points `vtable` at the kind's table (esp_growth, ...), which
 * lives as long as the library. On failure it leaves nothing behind. [driver] */
typedef struct esp_factory {
  uint32_t struct_size, count;
  const esp_desc* const* descs;
  esp_status (*create)(esp_call*, const esp_host*, esp_str id, const esp_config*, esp_object* out, const void** vtable);
} esp_factory;
#define ESP_FACTORY_GROWTH "esp.growth/0"
#define ESP_FACTORY_DIFFICULTY "esp.difficulty/0"
#define ESP_FACTORY_SCHEDULE "esp.schedule/0"

#define ESP_MAGIC 0x31505345u /* "ESP1" */

/* The plugin's front door. The host compares magic, abi_major and min_host_minor before it calls anything here. */
typedef struct esp_entry {
  uint32_t magic, struct_size, abi_major, abi_minor;
  uint32_t min_host_minor; /* the oldest host minor that this plugin can live with */
  uint32_t flags;
  /* Cheap; may be called more than once (count the calls); may fail with a message. [driver] */
  esp_status (*init)(esp_call*, const esp_host*);
  void (*deinit)(void); /* once for each successful init. [driver] */
  /* The factory of a kind, or NULL. Static data. [any] */
  const esp_factory* (*factory)(const char* factory_id);
} esp_entry;

/* The only exported symbol of a plugin. A function, since dlsym on data is less portable. */
#define ESP_ENTRY_SYMBOL "esp_entry_v0"
typedef const esp_entry* (*esp_entry_fn)(void);

#endif
