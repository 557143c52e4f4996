#include "core/train/config.h"

#include <fmt/format.h>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace espalier {

void JobConfig::fields(Fields& f) {
  f.field("name", name, "Name of the run; its folder is runs/<name> unless --run-dir says otherwise.");
  f.field("seed", seed, "Keys every random choice: init, data order, growth noise.", Range::at_least(0));
}

void TrainingConfig::fields(Fields& f) {
  f.field("steps", steps, "Length of the run: optimizer steps, or a duration such as \"3e6tok\" or \"2ep\".");
  f.field("seq_len", seq_len, "Context length in tokens.", Range::at_least(2));
  f.field("micro_batch", micro_batch, "Sequences a forward and backward pass.", Range::at_least(1));
  f.field("global_batch", global_batch, "Sequences an optimizer step, a multiple of micro_batch; 0 = micro_batch.",
          Range::at_least(0));
  f.field("dtype", dtype,
          "Compute type; master weights and optimizer state are fp32. auto = bf16 where the device has "
          "instructions for it (GPU, AMX, AVX512-BF16), else fp32: without them bf16 is several times slower.",
          {"auto", "bf16", "fp32"});
  f.field("device", device, "Where to run; auto = cuda when a GPU and the CUDA library are there.",
          {"auto", "cpu", "cuda"});
  f.field("max_norm", max_norm, "Global gradient norm to clip to; 0 = no clipping.", Range::at_least(0));
  f.field("threads", threads,
          "CPU threads; 0 = OMP_NUM_THREADS, or else one a core as far as CPU affinity and cgroup quota allow.",
          Range::between(0, 1024));
}

void TrainingConfig::check(const Places& places) const {
  if (global_batch != 0 && global_batch % micro_batch != 0)
    throw Error(ErrorCode::config,
                fmt::format("global_batch = {} is not a multiple of micro_batch = {}", global_batch, micro_batch),
                places.of("training.global_batch"));
  const int64_t sequences = global_batch == 0 ? micro_batch : global_batch;
  if (!product_of_counts({sequences, seq_len})) {
    const char* batch_key = global_batch == 0 ? "training.micro_batch" : "training.global_batch";
    throw Error(ErrorCode::config,
                fmt::format("a step of {} sequences of {} tokens is more than 2^53 tokens", sequences, seq_len),
                places.of(sequences >= seq_len ? batch_key : "training.seq_len"), "give a smaller number");
  }
  if (steps.value <= 0) throw Error(ErrorCode::config, "the run has no steps", places.of("training.steps"));
}

void ValidationConfig::fields(Fields& f) {
  f.field("interval", interval, "How often to validate; 0 = only at the end.");
  f.field("batches", batches, "Micro-batches a source and validation; 0 = no validation.", Range::at_least(0));
  f.field("samples", samples, "Texts to generate at the end of the run, one a prompt in turn.", Range::at_least(0));
  f.field("sample_tokens", sample_tokens, "Length of a generated text in tokens.", Range::at_least(1));
  f.field("temperature", temperature, "Sampling temperature; 0 = always the likeliest token.", Range::at_least(0));
  f.field("prompts", prompts, "Beginnings of the generated texts.");
}

void MetricsConfig::fields(Fields& f) {
  f.field("log_interval", log_interval, "Steps between progress lines and rows of metrics.jsonl.", Range::at_least(1));
  f.field("tensorboard", tensorboard, "Also write tb/events.out.tfevents.*.");
}

}  // namespace espalier
