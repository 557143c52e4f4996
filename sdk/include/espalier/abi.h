/* Espalier plugin ABI: basic types. C99; every struct is plain data.
 *
 * Rules of this ABI (docs/decisions/0001-plugin-abi.md has the reasons):
 *   - fixed-width types only; no enum, bool, size_t or long inside a struct; no struct returned by value;
 *   - `struct_size` comes first in every extensible struct, fields are only appended, and a reader takes
 *     min(theirs, ours) and treats a missing tail as zero;
 *   - strings are (data, size) UTF-8, borrowed until the call returns, not NUL-terminated;
 *   - the plugin has no undefined host symbol: the host hands over tables of functions;
 *   - no C++ type, exception or allocation crosses; text of an error goes to host->fail().
 *
 * Thread tags in brackets: [any] any thread, concurrently; [driver] the one thread that drives the run.
 * Version 0 is a draft: it may change between releases of Espalier until it becomes 1. */
#ifndef ESPALIER_ABI_H
#define ESPALIER_ABI_H

#include <stdint.h>

#define ESP_ABI_MAJOR 0u /* also part of the entry symbol's name: esp_entry_v0 */
#define ESP_ABI_MINOR 3u /* +1 for each appended field or new extension; never for a bug fix */

#if defined(__GNUC__)
#define ESP_EXPORT __attribute__((visibility("default")))
#else
#define ESP_EXPORT
#endif

/* Outcome of a call: ESP_OK, or one of the codes below (the absl numbering). */
typedef int32_t esp_status;
#define ESP_OK 0
#define ESP_INVALID_ARGUMENT 3
#define ESP_NOT_FOUND 5
#define ESP_FAILED_PRECONDITION 9
#define ESP_OUT_OF_RANGE 11
#define ESP_UNIMPLEMENTED 12
#define ESP_INTERNAL 13
#define ESP_DATA_LOSS 15

/* Borrowed UTF-8 text. Frozen. */
typedef struct esp_str {
  const char* data;
  uint64_t size;
} esp_str;

/* One call from host to plugin: its error sink and scratch memory. Opaque; valid until the call returns. */
typedef struct esp_call esp_call;

/* Byte streams for plugin state. Frozen. Both may transfer fewer bytes than asked: loop.
 * Return the bytes moved, 0 at the end (read), or a negative number on failure. [driver] */
typedef struct esp_out {
  void* ctx;
  int64_t (*write)(void* ctx, const void* data, uint64_t size);
} esp_out;
typedef struct esp_in {
  void* ctx;
  int64_t (*read)(void* ctx, void* data, uint64_t size);
} esp_in;

#endif
