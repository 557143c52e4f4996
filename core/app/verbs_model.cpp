#include <fmt/format.h>

#include <ATen/core/Tensor.h>

#include <cmath>
#include <memory>

#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/output.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/data/text/file_format.h"
#include "core/data/tokenizer/tokenizer.h"
#include "core/device/device.h"
#include "core/eval/evaluate.h"
#include "core/eval/generate.h"

namespace espalier {
namespace {

struct Arguments {
  std::string model, dtype = "fp32", device = "auto";
  int64_t threads = 0;

  void add(Command verb) {
    verb.add("model", model,
             "A checkpoint, the folder of a run (its newest checkpoint), or a Hugging Face model folder with "
             "its tokenizer")
        .required();
    verb.add("--dtype", dtype, "Compute type").one_of({"fp32", "bf16"}).show_default();
    verb.add("--device", device, "Where to run").one_of({"auto", "cpu", "cuda"}).show_default();
    verb.add("--threads", threads, "CPU threads; 0 = one a core").between(0, 1024).show_default();
  }
  ComputeType compute() const { return dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32; }
};

struct Opened {
  LoadedModel model;
  std::unique_ptr<Tokenizer> tokenizer;
  int32_t start() const { return model.config.start_token(tokenizer->eos()); }
};

Opened open_model(const Arguments& a) {
  const DeviceInfo device = open_device(a.device, a.threads);
  Opened out{load_model(a.model), nullptr};
  out.tokenizer = load_tokenizer(out.model.dir);
  if (out.tokenizer->vocab_size() > out.model.spec.vocab_size)
    throw Error(ErrorCode::checkpoint,
                fmt::format("the tokenizer has {} tokens, the model {}", out.tokenizer->vocab_size(),
                            out.model.spec.vocab_size),
                out.model.dir.string());
  for (const std::string& note : out.model.config.notes) log_warning("{}: {}", a.model, note);
  const int32_t eos = out.tokenizer->eos();
  if (out.start() != eos) log_info("{}: a text begins with bos_token_id = {}; {} ends it", a.model, out.start(), eos);
  out.model.params = out.model.params.transformed([&](const Param& param) { return param.value.to(device.device); });
  return out;
}

// A loss that is no number, by the weights at fault where there are any.
[[noreturn]] void refuse_not_finite(const LoadedModel& model, const std::string& folder, const std::string& file) {
  for (const auto& param : model.params)
    if (!param.value.isfinite().all().item<bool>())
      throw Error(ErrorCode::checkpoint, fmt::format("'{}' holds values that are not finite", param.info.name), folder,
                  "the run that made it had diverged, or the file is damaged; take an earlier checkpoint");
  throw Error(ErrorCode::checkpoint, fmt::format("the model's loss on {} is not finite", file), folder,
              "its weights are too large for this --dtype, or for any");
}

int evaluate_text(const Arguments& a, const std::string& file, bool json) {
  const std::string text = read_text_file(file);
  const Opened opened = open_model(a);
  const std::vector<int32_t> ids = opened.tokenizer->encode(text);
  Evaluation result =
      evaluate_stream(opened.model.spec, opened.model.params, opened.model.shape, ids, opened.start(), 8, a.compute());
  result.bytes = static_cast<int64_t>(text.size());
  if (result.tokens == 0)
    throw Error(ErrorCode::data, "holds no token that the model could predict", file, "give it more text");
  if (!std::isfinite(result.nll())) refuse_not_finite(opened.model, a.model, file);
  if (json)
    output() << nlohmann::json{{"tokens", result.tokens},
                               {"bytes", result.bytes},
                               {"nll", result.nll()},
                               {"bpb", result.bits_per_byte()}}
                    .dump()
             << "\n";
  else
    output() << fmt::format("{} tokens, {} bytes: {:.4f} nats a token, {:.4f} bits per byte\n", result.tokens,
                            result.bytes, result.nll(), result.bits_per_byte());
  return 0;
}

}  // namespace

void add_model_verbs(Command program) {
  struct Evaluate : Arguments {
    std::string text;
    bool json = false;
  };
  auto eval_args = std::make_shared<Evaluate>();
  Command eval = program.add_verb("eval", "Loss of a model on a text: nats a token and bits per byte");
  eval_args->add(eval);
  eval.add("--text", eval_args->text, "UTF-8 text file, also gzip or zstd, read as one document")
      .required()
      .type_name("FILE");
  eval.add_flag("--json", eval_args->json, "Print JSON");
  eval.on_chosen([=] { return evaluate_text(*eval_args, eval_args->text, eval_args->json); });

  struct Generate : Arguments {
    std::string prompt;
    SampleSettings settings;
    int64_t seed = 0;
  };
  auto args = std::make_shared<Generate>();
  Command verb = program.add_verb("generate", "Continue a prompt");
  args->add(verb);
  verb.add("--prompt", args->prompt, "Beginning of the text").required();
  verb.add("--max-tokens", args->settings.max_tokens, "Tokens to add at most").at_least(0).show_default();
  verb.add("--temperature", args->settings.temperature, "0 = always the likeliest token").at_least(0).show_default();
  verb.add("--top-k", args->settings.top_k, "Choose among the k likeliest; 0 = all").at_least(0).show_default();
  verb.add("--seed", args->seed, "The same seed gives the same text").show_default();
  verb.on_chosen([=] {
    if (!std::isfinite(args->settings.temperature))
      throw Error(ErrorCode::config, "must be a finite number", "--temperature",
                  "0.8 is usual; 0 = the likeliest token");
    const Opened opened = open_model(*args);
    SampleSettings settings = args->settings;
    settings.seed = static_cast<uint64_t>(args->seed);
    settings.stop_tokens = opened.model.config.eos_token_ids;
    settings.stop_tokens.push_back(opened.tokenizer->eos());
    std::vector<int32_t> ids{opened.start()};
    const auto prompt = opened.tokenizer->encode(args->prompt);
    ids.insert(ids.end(), prompt.begin(), prompt.end());
    const auto out =
        generate(opened.model.spec, opened.model.params, opened.model.shape, ids, settings, args->compute());
    output() << args->prompt << valid_utf8(opened.tokenizer->decode(out)) << "\n";
    return 0;
  });
}

}  // namespace espalier
