/* Kind 3: schedulers. Numbers as a function of progress: learning rate, growth stage, weight of each data tier. */
#ifndef ESPALIER_SCHEDULE_H
#define ESPALIER_SCHEDULE_H

#include <espalier/plugin.h>

/* Keys that the host asks for:
 *   "lr"               absolute learning rate of the step about to run        [schedule.lr]
 *   "growth.stage"     stage (0-based) of the step about to run, non-decreasing  [schedule.growth]
 *   "data.tier.<i>"    sampling weight of difficulty tier i, easiest first     [schedule.mixture]
 *   "data.source.<name>"  sampling weight of a source, instead of its own      [schedule.mixture]
 *   "batch.sequences"  sequences of the step                                   [schedule.batch]
 *   "seq_len"          tokens of a row of the step                             [schedule.seq_len]
 * A mixture is asked for all tiers and all sources; refused (ESP_UNIMPLEMENTED), for the tiers alone, then for the
 * sources alone. Before step 1 the host goes through the run with it once, observe() included but without metrics, then
 * loads the state from before. The sizes are asked for before the run, with step, tokens and the totals in progress
 * only; they must not depend on more, and get no observe(). */
typedef struct esp_schedule {
  uint32_t struct_size, pad;
  /* Called once after create(): the keys that value() fills, in order. Refuse a key that you cannot fill
   * (ESP_UNIMPLEMENTED). `start` has the run's totals and num_stages. [driver] */
  esp_status (*bind)(void* self, esp_call*, const esp_progress* start, const esp_str* keys, uint32_t num_keys);
  /* A pure function of progress (and of state changed by observe()). The host also asks about steps to come. [driver]
   */
  esp_status (*value)(void* self, esp_call*, const esp_progress*, double* out);
  /* Optional, for values constant by pieces: the next step > progress->step where a value changes, UINT64_MAX = never.
   */
  esp_status (*next_change)(void* self, esp_call*, const esp_progress*, uint64_t* step);
  /* Optional: metrics of the step that just ran, by these names:
   *   "train/loss"       mean cross-entropy of the step in nats a target
   *   "train/grad_norm"  global norm of its gradient, before clipping
   * Look for a name, not at a place: others may follow. None at all while the host goes through the run before step 1.
   * progress->step counts the step that ran. [driver] */
  esp_status (*observe)(void* self, esp_call*, const esp_progress*, const esp_str* names, const double* values,
                        uint32_t count);
} esp_schedule;

#endif
