/* What the host offers to a plugin: one small table, everything else by string id. */
#ifndef ESPALIER_HOST_H
#define ESPALIER_HOST_H

#include <espalier/abi.h>

#define ESP_LOG_DEBUG 1
#define ESP_LOG_INFO 2
#define ESP_LOG_WARNING 3
#define ESP_LOG_ERROR 4

/* The host table. Owned by the host, valid while the plugin is loaded. */
typedef struct esp_host {
  uint32_t struct_size, abi_major, abi_minor, flags;
  esp_str name, version;
  /* Optional host interface by id ("esp.host.rng/0"): a const table, or NULL. [any] */
  const void* (*get)(const struct esp_host*, const char* extension_id);
  /* Says why the current call fails; the host copies the text. Call it at most once, then return `status`. [any] */
  void (*fail)(esp_call*, esp_status status, const char* message, uint64_t size);
  /* Writes a line to the host's log under the plugin's id. [any] */
  void (*log)(const struct esp_host*, int32_t level, const char* message, uint64_t size);
  /* Scratch memory that the host frees after the call; NULL when out of memory. `align` is a power of two. [any] */
  void* (*arena)(esp_call*, uint64_t bytes, uint64_t align);
  /* Non-zero once the user asked to stop; poll it in long loops and return early. [any] */
  int32_t (*cancelled)(esp_call*);
} esp_host;

/* "esp.host.rng/0": counter-based random numbers (Philox4x32-10), a pure function of
 * (run seed, plugin id, purpose, counter). `counter` is what the draw belongs to, a step number for example. [any] */
#define ESP_HOST_RNG "esp.host.rng/0"
typedef struct esp_host_rng {
  uint32_t struct_size, pad;
  void (*fill_u32)(esp_call*, const char* purpose, uint64_t counter, uint32_t* out, uint64_t count);
  /* Standard normal numbers. */
  void (*fill_normal)(esp_call*, const char* purpose, uint64_t counter, float* out, uint64_t count);
} esp_host_rng;

#endif
