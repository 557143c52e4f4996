// Where and in which type a run computes, by name: what is known, and what is refused at its place.
#include "core/train/config.h"

#include "catch.h"
#include "core/base/error.h"

using namespace espalier;
using Catch::Contains;

namespace {

// What reading the table gives, or the error.
std::string refusal(const std::string& lines, TrainingConfig& config) {
  try {
    read_toml_text(lines, "run.toml", {}, [&](Fields& f) { config.fields(f); });
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    return error.place() + ": " + error.message();
  }
  return {};
}

}  // namespace

TEST_CASE("devices and types are read by their names", "[train][config]") {
  for (const char* device : {"auto", "cpu", "cuda"})
    for (const char* dtype : {"auto", "bf16", "fp32"}) {
      TrainingConfig config;
      CHECK(refusal("device = \"" + std::string(device) + "\"\ndtype = \"" + dtype + "\"\n", config).empty());
      CHECK(config.device == device);
      CHECK(config.dtype == dtype);
    }
}

TEST_CASE("a device or type that is not known is refused by name, with those that are", "[train][config]") {
  for (const char* device : {"gpu", "cuda:1", "CPU", "", "mps"}) {
    TrainingConfig config;
    const std::string text = refusal("\ndevice = \"" + std::string(device) + "\"\n", config);
    CHECK_THAT(text, Contains("run.toml:2:") && Contains("device") && Contains("\"" + std::string(device) + "\""));
    CHECK_THAT(text, Contains("auto") && Contains("cpu") && Contains("cuda"));
  }
  for (const char* dtype : {"fp16", "float32", "fp64", "BF16"}) {
    TrainingConfig config;
    const std::string text = refusal("dtype = \"" + std::string(dtype) + "\"\n", config);
    CHECK_THAT(text, Contains("run.toml:1:") && Contains("dtype") && Contains(dtype));
    CHECK_THAT(text, Contains("bf16") && Contains("fp32"));
  }
}

TEST_CASE("the number of threads is refused where it is none", "[train][config]") {
  for (const char* threads : {"-1", "1025", "1.5", "\"2\""}) {
    TrainingConfig config;
    CHECK_THAT(refusal("threads = " + std::string(threads) + "\n", config), Contains("threads"));
  }
  TrainingConfig config;
  CHECK(refusal("threads = 1024\n", config).empty());
}
