/* The smallest working Espalier plugin, in plain C99: a learning rate that stays at [optimizer].lr times a factor.
 *
 *   cc -std=c99 -shared -fPIC -I sdk/include -o steady.so plugin_template.c
 *   espalier plugin list --plugin-path .
 *
 * In the run's TOML:
 *   [schedule.lr]
 *   plugin = "org.example.schedule.steady"
 *   params = { factor = 0.5 }
 *
 * Copy this file, then change: the id and the texts, the parameters, and the four functions of the kind's table
 * (schedule.h here; growth.h and difficulty.h have the other two). docs/writing-a-plugin.md explains the rest. */
#include <espalier/schedule.h>
#include <stdlib.h>
#include <string.h>

/* An esp_str from a literal, in a static table and in code. */
#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }
static const char ID[] = "org.example.schedule.steady";

/* ---- the object: one for each use in a run ---- */
typedef struct steady {
  const esp_host* host;
  double factor;
} steady;

/* Every failure says why, once, and returns its status. */
static esp_status fail(const esp_host* host, esp_call* call, esp_status status, const char* message) {
  host->fail(call, status, message, strlen(message));
  return status;
}

static int equals(esp_str a, const char* b) {
  return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

static esp_status bind(void* self, esp_call* call, const esp_progress* start, const esp_str* keys, uint32_t num_keys) {
  const steady* me = self;
  (void)start;
  if (num_keys != 1 || !equals(keys[0], "lr"))
    return fail(me->host, call, ESP_UNIMPLEMENTED, "this schedule fills 'lr' only");
  return ESP_OK;
}

static esp_status value(void* self, esp_call* call, const esp_progress* progress, double* out) {
  const steady* me = self;
  (void)call;
  out[0] = progress->lr_peak * me->factor;
  return ESP_OK;
}

static esp_status next_change(void* self, esp_call* call, const esp_progress* progress, uint64_t* step) {
  (void)self, (void)call, (void)progress;
  *step = UINT64_MAX;
  return ESP_OK;
}

static const esp_schedule SCHEDULE = {sizeof(esp_schedule), 0, bind, value, next_change, NULL};

static void destroy(void* self) {
  free(self);
}

static const void* get(void* self, const char* extension_id) {
  (void)self, (void)extension_id;
  return NULL;
}

static esp_status save(void* self, esp_call* call, const esp_out* out) { /* no state: ESP_CLAIM_STATELESS */
  (void)self, (void)call, (void)out;
  return ESP_OK;
}

static esp_status load(void* self, esp_call* call, uint32_t state_version, const esp_in* in) {
  const steady* me = self;
  char extra;
  (void)state_version;
  if (in->read(in->ctx, &extra, 1) != 0) return fail(me->host, call, ESP_DATA_LOSS, "this schedule keeps no state");
  return ESP_OK;
}

/* ---- what the plugin says about itself: static data ---- */
static const esp_param PARAMS[] = {{sizeof(esp_param), ESP_PARAM_F64, ESP_PARAM_HAS_MIN | ESP_PARAM_MIN_OPEN, 0,
                                    TEXT("factor"), TEXT("learning rate as a fraction of [optimizer].lr"), TEXT(""),
                                    TEXT("1.0"), 0.0, 0.0, NULL}};

static const esp_desc DESC = {sizeof(esp_desc),
                              1,
                              0,
                              0,
                              {ID, sizeof(ID) - 1},
                              TEXT("steady"),
                              TEXT("0.1.0"),
                              TEXT("example.org"),
                              TEXT(""),
                              TEXT("learning rate that stays"),
                              TEXT(""),
                              TEXT(""),
                              ESP_CLAIM_DETERMINISTIC | ESP_CLAIM_STATELESS,
                              0.0,
                              PARAMS};
static const esp_desc* const DESCS[] = {&DESC};

/* ---- the factory ---- */
static esp_status create(esp_call* call, const esp_host* host, esp_str id, const esp_config* config, esp_object* out,
                         const void** vtable) {
  steady* me;
  if (!equals(id, ID)) return fail(host, call, ESP_NOT_FOUND, "no plugin of that id in this library");
  me = malloc(sizeof(*me));
  if (me == NULL) return fail(host, call, ESP_INTERNAL, "out of memory");
  me->host = host;
  if (config->f64(config, "factor", 0, &me->factor) != ESP_OK) {
    free(me);
    return fail(host, call, ESP_INVALID_ARGUMENT, "the host gives no value for 'factor'");
  }
  out->self = me; /* struct_size is the host's: leave it */
  out->destroy = destroy;
  out->get = get;
  out->save = save;
  out->load = load;
  *vtable = &SCHEDULE;
  return ESP_OK;
}

static const esp_factory FACTORY = {sizeof(esp_factory), 1, DESCS, create};

/* ---- the front door ---- */
static esp_status init(esp_call* call, const esp_host* host) {
  (void)call, (void)host; /* the host has compared abi_major and min_host_minor already */
  return ESP_OK;
}

static void deinit(void) {}

static const esp_factory* factory(const char* factory_id) {
  return strcmp(factory_id, ESP_FACTORY_SCHEDULE) == 0 ? &FACTORY : NULL;
}

static const esp_entry ENTRY = {ESP_MAGIC, sizeof(esp_entry), ESP_ABI_MAJOR, ESP_ABI_MINOR, 1, 0, init, deinit,
                                factory};

ESP_EXPORT const esp_entry* esp_entry_v0(void);
const esp_entry* esp_entry_v0(void) {
  return &ENTRY;
}
