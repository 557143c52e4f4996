/* Schedules under any name: the id (NAMED_ID), the key of the parameter (NAMED_KEY), its doc (NAMED_DOC) and the
 * version are macros. Each prints wherever its code runs, as foreign code does. NAMED_SCALE: what it multiplies the
 * peak with. */
#include <espalier/schedule.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef NAMED_KEY
#define NAMED_KEY "rate"
#endif
#ifndef NAMED_DOC
#define NAMED_DOC "how fast"
#endif
#ifndef NAMED_SCALE
#define NAMED_SCALE 1.0
#endif
#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

static int object; /* there is nothing to keep */

static void chatter(const char* where) {
  printf("{\"printed by a plugin in\": \"%s\"}\n", where);
  fflush(stdout);
}

static esp_status bind(void* self, esp_call* call, const esp_progress* start, const esp_str* keys, uint32_t num_keys) {
  (void)self, (void)call, (void)start, (void)keys, (void)num_keys;
  chatter("bind");
  return ESP_OK;
}
static esp_status value(void* self, esp_call* call, const esp_progress* progress, double* out) {
  (void)self, (void)call;
  chatter("value");
  out[0] = progress->lr_peak * NAMED_SCALE;
  return ESP_OK;
}
static const esp_schedule SCHEDULE = {sizeof(esp_schedule), 0, bind, value, NULL, NULL};

static void destroy(void* self) {
  (void)self;
  printf("printed as it goes, and not flushed");
}

static const esp_param PARAMS[] = {
    {sizeof(esp_param), ESP_PARAM_F64, 0, 0, TEXT(NAMED_KEY), TEXT(NAMED_DOC), TEXT(""), TEXT("0.5"), 0, 0, NULL}};
static const esp_desc DESC = {sizeof(esp_desc),
                              1,
                              0,
                              0,
                              TEXT(NAMED_ID),
                              TEXT("named"),
                              TEXT("1.2.3"),
                              TEXT(""),
                              TEXT(""),
                              TEXT("a test"),
                              TEXT(""),
                              TEXT(""),
                              0,
                              0.0,
                              PARAMS};
static const esp_desc* const DESCS[] = {&DESC};

static esp_status create(esp_call* call, const esp_host* host, esp_str id, const esp_config* config, esp_object* out,
                         const void** vtable) {
  (void)call, (void)host, (void)id, (void)config;
  chatter("create");
  out->self = &object;
#ifndef NAMED_NO_DESTROY
  out->destroy = destroy;
#else
  (void)destroy;
#endif
#ifndef NAMED_NO_TABLE
  *vtable = &SCHEDULE;
#else
  (void)vtable, (void)SCHEDULE;
#endif
  return ESP_OK;
}
static const esp_factory FACTORY = {sizeof(esp_factory), 1, DESCS, create};

static esp_status init(esp_call* call, const esp_host* host) {
  (void)call, (void)host;
  chatter("init");
  return ESP_OK;
}
static void deinit(void) {}
static const esp_factory* factory(const char* id) {
  return strcmp(id, ESP_FACTORY_SCHEDULE) == 0 ? &FACTORY : NULL;
}
static const esp_entry ENTRY = {ESP_MAGIC, sizeof(esp_entry), ESP_ABI_MAJOR, ESP_ABI_MINOR, 0, 0, init, deinit,
                                factory};
ESP_EXPORT const esp_entry* esp_entry_v0(void);
const esp_entry* esp_entry_v0(void) {
  return &ENTRY;
}
