/* The layout of abi_layout.inc, asserted by a C compiler; built as C99 and as C11. */
#include <espalier/espalier.h>
#include <stddef.h>

/* C99 has no static assertion: an array of negative size is its error. */
#define SIZE(name, bytes) typedef char name##_size[sizeof(name) == (bytes) ? 1 : -1];
#define FIELD(name, field, offset, bytes)                                       \
  typedef char name##_##field##_at[offsetof(name, field) == (offset) ? 1 : -1]; \
  typedef char name##_##field##_size[sizeof(((name*)0)->field) == (bytes) ? 1 : -1];
#include "abi_layout.inc"

/* The entry symbol's type and name belong to the ABI too. */
static const esp_entry* entry(void) {
  return NULL;
}
extern const esp_entry_fn espalier_abi_entry_type;
const esp_entry_fn espalier_abi_entry_type = entry;
