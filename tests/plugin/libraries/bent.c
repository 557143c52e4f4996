/* Three plugins in one library, one of each kind, that answer wrongly in the way that the parameter `mode` names;
 * "good" is correct. The schedule also shows what it was given: every type of parameter, and the host's table. */
#include <espalier/difficulty.h>
#include <espalier/growth.h>
#include <espalier/schedule.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct bent {
  const esp_host* host;
  char mode[32];
  uint64_t observed;
  int64_t steps;
  uint32_t num_keys;
} bent;

static int is(const bent* me, const char* mode) {
  return strcmp(me->mode, mode) == 0;
}

static esp_status fail(const esp_host* host, esp_call* call, esp_status status, const char* message) {
  host->fail(call, status, message, strlen(message));
  return status;
}

/* Outcomes that every kind shares; ESP_OK = none of them. */
static esp_status common(const bent* me, esp_call* call) {
  if (is(me, "fails")) return fail(me->host, call, ESP_OUT_OF_RANGE, "the moon is in the wrong phase");
  if (is(me, "fails_silently")) return ESP_INTERNAL;
  if (is(me, "fails_but_ok")) (void)fail(me->host, call, ESP_INTERNAL, "changed my mind");
  return ESP_OK;
}

/* ---- growth ---- */
static esp_status num_stages(void* self, esp_call* call, const esp_dims* final_dims, uint32_t* out) {
  const bent* me = self;
  (void)final_dims;
  if (is(me, "no_output")) return ESP_OK;
  *out = is(me, "too_many_stages") ? 4000000000u : 2;
  return common(me, call);
}

static esp_status stage_dims(void* self, esp_call* call, const esp_dims* final_dims, uint32_t stage, esp_dims* out) {
  const bent* me = self;
  (void)call;
  if (stage == 0) out->num_layers = final_dims->num_layers / 2;
  if (is(me, "wrong_last_stage")) out->num_layers = 1;
  if (is(me, "zero_layers")) out->num_layers = 0;
  if (is(me, "too_wide")) out->d_model = final_dims->d_model * 2;
  if (is(me, "other_vocab")) out->vocab_size = 3;
  if (is(me, "odd_heads")) out->num_heads = final_dims->num_heads - 1;
  if (is(me, "norm_eps_nan")) out->norm_eps = (double)nanf("");
  if (is(me, "norm_eps_negative")) out->norm_eps = -1e-5;
  return ESP_OK;
}

static esp_expr source_of(const esp_plan* plan, const esp_arch* from, const esp_param_info* to) {
  uint64_t i;
  for (i = 0; i < from->num_params; ++i) {
    const esp_param_info* old = &from->params[i];
    const int same_role = old->role.size == to->role.size && memcmp(old->role.data, to->role.data, old->role.size) == 0;
    const int same_leaf = old->name.data[old->name.size - 1] == to->name.data[to->name.size - 1];
    const int32_t layers = (int32_t)from->dims.num_layers;
    if (same_role && same_leaf && old->layer == (to->layer < 0 ? -1 : to->layer % layers))
      return plan->src(plan->impl, old->name, ESP_WHAT_WEIGHT);
  }
  return 0;
}

static esp_status plan(void* self, esp_call* call, const esp_arch* from, const esp_arch* to, const esp_plan* builder) {
  const bent* me = self;
  const int64_t one = 1;
  uint64_t i;
  if (is(me, "no_output")) return ESP_OK;
  if (is(me, "null_array")) (void)builder->gather(builder->impl, 1, 0, NULL, 4);
  if (is(me, "negative_rank")) (void)builder->full(builder->impl, -3, &one, 1.0);
  if (is(me, "huge_count")) (void)builder->concat(builder->impl, 0, 4000000000u, (const esp_expr*)&one);
  if (is(me, "unknown_param")) (void)builder->src(builder->impl, (esp_str)TEXT("layers.0.attn.qq.weight"), 0);
  for (i = 0; i < to->num_params; ++i) {
    const esp_expr value = source_of(builder, from, &to->params[i]);
    if (builder->assign(builder->impl, to->params[i].name, value, ESP_MOMENTS_MAP) != ESP_OK)
      return fail(me->host, call, ESP_INTERNAL, "the host refused a node");
  }
  return common(me, call);
}

static esp_status fill(void* self, esp_call* call, const esp_progress* at, esp_step_shape* out) {
  const bent* me = self;
  uint32_t i;
  if (is(me, "writes_past_end")) out->trainable[out->num_layers + 3] = 0;
  if (is(me, "scale_nan")) out->scale[1] = nanf("");
  if (is(me, "fades")) {
    out->unit_gate[3] = 0.5f;
    out->in_evaluation = at->step < 5;
  }
  for (i = 0; is(me, "trains_nothing") && i < out->num_layers + 3; ++i) out->trainable[i] = 0;
  if (at->step >= 10) {
    out->run[0] = 0;
    out->scale[1] = 2.0f;
    out->trainable[out->num_layers] = 0;
  }
  return common(me, call);
}

static const esp_growth GROWTH = {sizeof(esp_growth), 0, num_stages, stage_dims, plan};
static const esp_growth GROWTH_NULL_SLOT = {sizeof(esp_growth), 0, num_stages, NULL, plan};
/* As an older plugin would give it: without the optional tail. */
static const struct {
  uint32_t struct_size, pad;
  void* slots[3];
} GROWTH_SHORT = {8 + 3 * sizeof(void*), 0, {(void*)num_stages, (void*)stage_dims, (void*)plan}};
static const esp_growth GROWTH_TRUNCATED = {16, 0, num_stages, stage_dims, plan};
static const esp_growth_step_shape STEP_SHAPE = {sizeof(esp_growth_step_shape), 0, fill};

/* ---- difficulty: the length of the text ---- */
static esp_status score(void* self, esp_call* call, const esp_docs* docs, float* out) {
  const bent* me = self;
  uint64_t i;
  if (docs->tokens != NULL || docs->token_offsets != NULL)
    return fail(me->host, call, ESP_INTERNAL, "tokens were not asked for");
  for (i = 0; i < docs->count; ++i) {
    if (is(me, "no_output") && i == 1) continue;
    out[i] = (float)(docs->text_offsets[i + 1] - docs->text_offsets[i]);
    if (is(me, "infinite")) out[i] = INFINITY;
    if (is(me, "cannot_say")) out[i] = nanf("");
  }
  if (is(me, "writes_past_end")) out[docs->count] = 1;
  return common(me, call);
}

static esp_status fit_batch(void* self, esp_call* call, const esp_docs* docs) {
  (void)call;
  ((bent*)self)->observed += docs->count;
  return ESP_OK;
}

static const esp_difficulty DIFFICULTY = {sizeof(esp_difficulty), ESP_NEEDS_TEXT, NULL, NULL, score, NULL};
static const esp_difficulty DIFFICULTY_NO_FIT_END = {
    sizeof(esp_difficulty), ESP_NEEDS_TEXT | ESP_NEEDS_FIT, fit_batch, NULL, score, NULL};
static const esp_difficulty DIFFICULTY_ODD_NEEDS = {sizeof(esp_difficulty), 64, NULL, NULL, score, NULL};

/* ---- schedule ---- */
static esp_status bind(void* self, esp_call* call, const esp_progress* start, const esp_str* keys, uint32_t num_keys) {
  bent* me = self;
  uint32_t i;
  (void)start;
  for (i = 0; i < num_keys; ++i)
    if (keys[i].size == 7 && memcmp(keys[i].data, "unknown", 7) == 0)
      return fail(me->host, call, ESP_UNIMPLEMENTED, "cannot fill 'unknown'");
  me->num_keys = num_keys;
  return ESP_OK;
}

static esp_status value(void* self, esp_call* call, const esp_progress* at, double* out) {
  const bent* me = self;
  uint32_t i;
  if (is(me, "no_output")) return ESP_OK;
  for (i = 0; i < me->num_keys; ++i) out[i] = at->lr_peak;
  if (is(me, "infinite")) out[0] = INFINITY;
  if (is(me, "negative")) out[0] = -1e-3;
  if (is(me, "half_stage")) out[0] = 0.5;
  if (is(me, "writes_past_end")) out[me->num_keys] = 1;
  if (is(me, "steps")) out[0] = (double)me->steps;
  if (is(me, "observed")) out[0] = (double)me->observed;
  if (is(me, "random")) {
    const esp_host_rng* rng = me->host->get(me->host, ESP_HOST_RNG);
    uint32_t word = 0;
    rng->fill_u32(call, "draw", at->step, &word, 1);
    out[0] = (double)word;
  }
  if (is(me, "cancelled")) out[0] = me->host->cancelled(call) != 0;
  return common(me, call);
}

static esp_status observe(void* self, esp_call* call, const esp_progress* at, const esp_str* names,
                          const double* values, uint32_t count) {
  (void)call, (void)at, (void)names, (void)values;
  ((bent*)self)->observed += count;
  return ESP_OK;
}

static const esp_schedule SCHEDULE = {sizeof(esp_schedule), 0, bind, value, NULL, observe};
static const struct {
  uint32_t struct_size, pad;
  void* slots[2];
} SCHEDULE_SHORT = {8 + 2 * sizeof(void*), 0, {(void*)bind, (void*)value}};

/* ---- the object ---- */
static void destroy(void* self) {
  free(self);
}

static const void* get(void* self, const char* extension_id) {
  return !is(self, "no_step_shape") && strcmp(extension_id, ESP_GROWTH_STEP_SHAPE) == 0 ? &STEP_SHAPE : NULL;
}

/* The state is `observed`, then a long run of bytes that only arrives whole if both sides loop. */
enum { PADDING = 20000 };

static esp_status save(void* self, esp_call* call, const esp_out* out) {
  const bent* me = self;
  unsigned char bytes[sizeof(me->observed) + PADDING];
  uint64_t done = 0, i;
  if (is(me, "save_fails")) return fail(me->host, call, ESP_INTERNAL, "the disk of my mind is full");
  memcpy(bytes, &me->observed, sizeof(me->observed));
  for (i = 0; i < PADDING; ++i) bytes[sizeof(me->observed) + i] = (unsigned char)(i * 31);
  while (done < sizeof(bytes)) {
    const int64_t moved = out->write(out->ctx, bytes + done, sizeof(bytes) - done);
    if (moved <= 0) return fail(me->host, call, ESP_DATA_LOSS, "write failed");
    if (is(me, "does_not_loop")) break;
    done += (uint64_t)moved;
  }
  return ESP_OK;
}

static esp_status load(void* self, esp_call* call, uint32_t state_version, const esp_in* in) {
  bent* me = self;
  unsigned char bytes[sizeof(me->observed) + PADDING + 1];
  uint64_t done = 0, i;
  int64_t moved;
  if (state_version != 3) return fail(me->host, call, ESP_FAILED_PRECONDITION, "another state_version");
  while ((moved = in->read(in->ctx, bytes + done, sizeof(bytes) - done)) > 0) done += (uint64_t)moved;
  if (moved < 0 || done != sizeof(bytes) - 1) return fail(me->host, call, ESP_DATA_LOSS, "the state is short");
  for (i = 0; i < PADDING; ++i)
    if (bytes[sizeof(me->observed) + i] != (unsigned char)(i * 31))
      return fail(me->host, call, ESP_DATA_LOSS, "the state is garbled");
  memcpy(&me->observed, bytes, sizeof(me->observed));
  return ESP_OK;
}

/* ---- what they say about themselves ---- */
static const esp_str CHOICES[] = {TEXT("left"), TEXT("right")};
#define MODE \
  { sizeof(esp_param), ESP_PARAM_STR, 0, 0, TEXT("mode"), TEXT("what it does"), TEXT(""), TEXT("\"good\""), 0, 0, NULL }
static const esp_param PARAMS[] = {
    MODE,
    {sizeof(esp_param), ESP_PARAM_BOOL, 0, 0, TEXT("flag"), TEXT("a switch"), TEXT(""), TEXT("true"), 0, 0, NULL},
    {sizeof(esp_param), ESP_PARAM_I64, ESP_PARAM_HAS_MIN | ESP_PARAM_HAS_MAX, 0, TEXT("count"), TEXT("how many"),
     TEXT(""), TEXT("3"), 1, 9, NULL},
    {sizeof(esp_param), ESP_PARAM_F64, ESP_PARAM_HAS_MIN | ESP_PARAM_MIN_OPEN | ESP_PARAM_TUNABLE, 0, TEXT("rate"),
     TEXT("how fast"), TEXT("1/step"), TEXT("0.5"), 0, 0, NULL},
    {sizeof(esp_param), ESP_PARAM_STR, 0, COUNT(CHOICES), TEXT("side"), TEXT("which side"), TEXT(""), TEXT("\"left\""),
     0, 0, CHOICES},
    {sizeof(esp_param), ESP_PARAM_DURATION, 0, 0, TEXT("after"), TEXT("when"), TEXT(""), TEXT("\"0.1dur\""), 0, 0,
     NULL},
    {sizeof(esp_param), ESP_PARAM_I64_LIST, 0, 0, TEXT("sizes"), TEXT("sizes"), TEXT(""), TEXT("[1, 2]"), 0, 0, NULL},
    {sizeof(esp_param), ESP_PARAM_F64_LIST, 0, 0, TEXT("rates"), TEXT("rates"), TEXT(""), TEXT("[]"), 0, 0, NULL},
    {sizeof(esp_param), ESP_PARAM_STR_LIST, 0, 0, TEXT("names"), TEXT("names"), TEXT(""), TEXT("[\"a\"]"), 0, 0, NULL},
};
#define DESC(id, params, count)                                                                                     \
  {                                                                                                                 \
    sizeof(esp_desc), count, 3, 0, TEXT(id), TEXT("Bent"), TEXT("1.0.0"), TEXT("Espalier"), TEXT(""), TEXT("test"), \
        TEXT(""), TEXT(""), ESP_CLAIM_DETERMINISTIC, 0, params                                                      \
  }
static const esp_desc GROWTH_DESC = DESC("org.example.test.bent_growth", PARAMS, 1);
static const esp_desc DIFFICULTY_DESC = DESC("org.example.test.bent_difficulty", PARAMS, 1);
static const esp_desc SCHEDULE_DESC = DESC("org.example.test.bent_schedule", PARAMS, COUNT(PARAMS));
static const esp_desc* const GROWTH_DESCS[] = {&GROWTH_DESC};
static const esp_desc* const DIFFICULTY_DESCS[] = {&DIFFICULTY_DESC};
static const esp_desc* const SCHEDULE_DESCS[] = {&SCHEDULE_DESC};

static const void* table_of(const bent* me, char kind) {
  if (is(me, "null_slot")) return &GROWTH_NULL_SLOT;
  if (is(me, "truncated_table")) return &GROWTH_TRUNCATED;
  if (is(me, "no_fit_end")) return &DIFFICULTY_NO_FIT_END;
  if (is(me, "odd_needs")) return &DIFFICULTY_ODD_NEEDS;
  if (is(me, "short_table")) return kind == 'g' ? (const void*)&GROWTH_SHORT : (const void*)&SCHEDULE_SHORT;
  return kind == 'g' ? (const void*)&GROWTH : kind == 'd' ? (const void*)&DIFFICULTY : (const void*)&SCHEDULE;
}

static esp_status create(esp_call* call, const esp_host* host, esp_str id, const esp_config* config, esp_object* out,
                         const void** vtable) {
  esp_str mode;
  bent* me = calloc(1, sizeof(*me));
  const char kind = id.data[sizeof("org.example.test.bent_") - 1];
  if (me == NULL || config->str(config, "mode", 0, &mode) != ESP_OK || mode.size >= sizeof(me->mode)) {
    free(me);
    return fail(host, call, ESP_INTERNAL, "no mode");
  }
  me->host = host;
  memcpy(me->mode, mode.data, mode.size);
  if (kind == 's') (void)config->i64(config, "after", 0, &me->steps);
  if (is(me, "create_fails") || is(me, "create_no_object")) {
    const int fails = is(me, "create_fails");
    free(me);
    return fails ? fail(host, call, ESP_FAILED_PRECONDITION, "not today") : ESP_OK;
  }
  out->self = me;
  out->destroy = destroy;
  out->get = get;
  out->save = is(me, "no_state") ? NULL : save;
  out->load = is(me, "no_state") ? NULL : load;
  *vtable = table_of(me, kind);
  return ESP_OK;
}

/* ---- factories and entry ---- */
static const esp_factory GROWTH_FACTORY = {sizeof(esp_factory), 1, GROWTH_DESCS, create};
static const esp_factory DIFFICULTY_FACTORY = {sizeof(esp_factory), 1, DIFFICULTY_DESCS, create};
static const esp_factory SCHEDULE_FACTORY = {sizeof(esp_factory), 1, SCHEDULE_DESCS, create};

static esp_status init(esp_call* call, const esp_host* host) {
  (void)call, (void)host;
  return ESP_OK;
}
static void deinit(void) {}

static const esp_factory* factory(const char* id) {
  if (strcmp(id, ESP_FACTORY_GROWTH) == 0) return &GROWTH_FACTORY;
  if (strcmp(id, ESP_FACTORY_DIFFICULTY) == 0) return &DIFFICULTY_FACTORY;
  return strcmp(id, ESP_FACTORY_SCHEDULE) == 0 ? &SCHEDULE_FACTORY : NULL;
}

static const esp_entry ENTRY = {ESP_MAGIC, sizeof(esp_entry), ESP_ABI_MAJOR, ESP_ABI_MINOR, 1, 0, init, deinit,
                                factory};

ESP_EXPORT const esp_entry* esp_entry_v0(void);
const esp_entry* esp_entry_v0(void) {
  return &ENTRY;
}
