/* Libraries that are wrong, or unusual, before any object is made. One macro chooses what is odd; without one it is a
 * correct library with one schedule plugin that is never created. */
#include <espalier/schedule.h>
#include <stddef.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

/* A parameter as a later version of the ABI might have it: fields appended, so items lie further apart. */
typedef struct wide_param {
  esp_param now;
  double later[3];
} wide_param;

#ifdef ODD_WIDE_STRUCTS
#define PARAM_TYPE wide_param
#define PARAM(...)                       \
  {                                      \
    {sizeof(wide_param), __VA_ARGS__}, { \
      7, 7, 7                            \
    }                                    \
  }
#else
#define PARAM_TYPE esp_param
#define PARAM(...) \
  { sizeof(esp_param), __VA_ARGS__ }
#endif

static const PARAM_TYPE PARAMS[] = {
#ifdef ODD_BAD_DEFAULT
    PARAM(ESP_PARAM_I64, ESP_PARAM_HAS_MIN, 0, TEXT("count"), TEXT("how many"), TEXT(""), TEXT("0"), 1, 0, NULL),
#else
    PARAM(ESP_PARAM_I64, ESP_PARAM_HAS_MIN, 0, TEXT("count"), TEXT("how many"), TEXT(""), TEXT("3"), 1, 0, NULL),
#endif
    PARAM(ESP_PARAM_F64, 0, 0, TEXT("rate"), TEXT("how fast"), TEXT(""), TEXT("0.5"), 0, 0, NULL),
};

#ifdef ODD_NOT_UTF8
#define ID "org.example.test.\xff\xfe"
#else
#define ID "org.example.test.odd"
#endif

static const esp_desc DESC = {
    sizeof(esp_desc), 2,        0,        0,        TEXT(ID), TEXT("odd"), TEXT("1.2.3"),           TEXT(""),
    TEXT(""),         TEXT(""), TEXT(""), TEXT(""), 0,        0,           (const esp_param*)PARAMS};
#ifdef ODD_SAME_ID_TWICE
static const esp_desc* const DESCS[] = {&DESC, &DESC};
#else
static const esp_desc* const DESCS[] = {&DESC};
#endif

static esp_status create(esp_call* call, const esp_host* host, esp_str id, const esp_config* config, esp_object* out,
                         const void** vtable) {
  static const char why[] = "this library makes nothing";
  (void)id, (void)config, (void)out, (void)vtable;
  host->fail(call, ESP_UNIMPLEMENTED, why, sizeof(why) - 1);
  return ESP_UNIMPLEMENTED;
}

#ifdef ODD_NO_CREATE
#define CREATE(function) (1 ? NULL : (function))
#else
#define CREATE(function) (function)
#endif
static const esp_factory FACTORY = {sizeof(esp_factory), sizeof(DESCS) / sizeof(DESCS[0]), DESCS, CREATE(create)};

static int users = 0;

static esp_status init(esp_call* call, const esp_host* host) {
  (void)call, (void)host;
#ifdef ODD_SILENT_INIT
  return ESP_FAILED_PRECONDITION;
#endif
  ++users;
  return ESP_OK;
}

static void deinit(void) {
  --users;
}

static const esp_factory* factory(const char* id) {
#ifdef ODD_NO_KIND
  return strcmp(id, "esp.pruning/0") == 0 ? &FACTORY : NULL;
#else
  return strcmp(id, ESP_FACTORY_SCHEDULE) == 0 ? &FACTORY : NULL;
#endif
}

#ifdef ODD_MAGIC
#define MAGIC 0xdeadbeefu
#else
#define MAGIC ESP_MAGIC
#endif
#ifdef ODD_SHORT_ENTRY
#define ENTRY_SIZE offsetof(esp_entry, deinit)
#elif defined(ODD_HUGE_ENTRY)
#define ENTRY_SIZE 0xffffffffu
#else
#define ENTRY_SIZE sizeof(esp_entry)
#endif
static const esp_entry ENTRY = {MAGIC, ENTRY_SIZE, ESP_ABI_MAJOR, ESP_ABI_MINOR + 5, 0, 0, init, deinit, factory};

#ifdef ODD_OTHER_MAJOR
ESP_EXPORT const esp_entry* esp_entry_v3(void);
const esp_entry* esp_entry_v3(void) {
  return &ENTRY;
}
#else
ESP_EXPORT const esp_entry* esp_entry_v0(void);
const esp_entry* esp_entry_v0(void) {
#ifdef ODD_NULL_ENTRY
  return users == 0 ? NULL : &ENTRY;
#else
  return &ENTRY;
#endif
}
/* How many init() are open; for the test of reference counting. */
ESP_EXPORT int espalier_test_users(void);
int espalier_test_users(void) {
  return users;
}
#endif
