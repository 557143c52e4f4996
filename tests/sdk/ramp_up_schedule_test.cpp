// Batch and sequence-length ramps: by steps, tokens and samples, against the published rule of Megatron-LM.
#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kBatch = {"batch.sequences"};
const FakeConfig::Overrides kLine = {{"start", "8"}, {"end", "32"}, {"increment", "8"}};

FakeConfig::Overrides with(FakeConfig::Overrides params, const std::string& key, const std::string& literal) {
  params[key] = literal;
  return params;
}

/// Megatron-LM's rule, from its documentation: the batch grows by `increment` after each equal part of the samples.
std::uint64_t megatron(std::uint64_t consumed, std::uint64_t start, std::uint64_t end, std::uint64_t increment,
                       std::uint64_t samples) {
  if (consumed > samples) return end;
  const double per_increment = static_cast<double>(samples) / static_cast<double>((end - start) / increment);
  return std::min(end, start + increment * static_cast<std::uint64_t>(static_cast<double>(consumed) / per_increment));
}

}  // namespace

TEST_CASE("the sizes in turn, in equal parts of the ramp", "[sdk][schedule][ramp-up]") {
  PluginLibrary library(plugin_path("ramp-up"));
  for (const FakeConfig::Overrides& params :
       {with(kLine, "length", "\"30st\""), with({{"values", "[8, 16, 24, 32]"}}, "length", "\"0.3dur\"")}) {
    BoundSchedule schedule(library, params, run_start(100), kBatch);
    for (std::uint64_t step = 0; step < 100; ++step) {
      CHECK(schedule.at_step(step) == (step < 10 ? 8 : step < 20 ? 16 : step < 30 ? 24 : 32));
      CHECK(schedule.next_change(step) == (step < 10 ? 10 : step < 20 ? 20 : step < 30 ? 30 : UINT64_MAX));
    }
  }
  BoundSchedule lengths(library, {{"values", "[64, 256]"}, {"length", "\"7st\""}}, run_start(100), {"seq_len"});
  CHECK(lengths.at_step(6) == 64);
  CHECK(lengths.at_step(7) == 256);
}

TEST_CASE("a ramp by tokens follows the tokens trained on", "[sdk][schedule][ramp-up]") {
  PluginLibrary library(plugin_path("ramp-up"));
  BoundSchedule schedule(library, with(kLine, "tokens", "3000.0"), run_start(100), kBatch);
  esp_progress at = run_start(100);
  for (const auto& [tokens, size] : std::vector<std::pair<std::uint64_t, double>>{
           {0, 8}, {999, 8}, {1000, 16}, {2000, 24}, {2999, 24}, {3000, 32}}) {
    at.tokens = tokens;
    CHECK(schedule.values(at)[0] == size);
  }
}

TEST_CASE("a ramp by samples is Megatron's", "[sdk][schedule][ramp-up]") {
  PluginLibrary library(plugin_path("ramp-up"));
  for (const std::uint64_t samples : {1u, 100u, 999u, 1000u, 5000u}) {
    BoundSchedule schedule(library, with(kLine, "samples", std::to_string(samples)), run_start(2000), kBatch);
    std::uint64_t consumed = 0;
    for (std::uint64_t step = 0; step < 2000; ++step) {
      const auto batch = static_cast<std::uint64_t>(schedule.at_step(step));
      INFO("samples " << samples << " step " << step << " consumed " << consumed);
      CHECK(batch == megatron(consumed, 8, 32, 8, samples));
      consumed += batch;
    }
  }
}

TEST_CASE("ramp-up refuses what cannot be, with words", "[sdk][schedule][ramp-up]") {
  PluginLibrary library(plugin_path("ramp-up"));
  CHECK_THROWS_WITH(library.create({{"length", "\"9st\""}}), Contains("values"));
  CHECK_THROWS_WITH(library.create(kLine), Contains("one of length"));
  CHECK_THROWS_WITH(library.create(with(with(kLine, "length", "\"9st\""), "tokens", "10.0")),
                    Contains("one of length"));
  CHECK_THROWS_WITH(library.create({{"values", "[2, 2]"}, {"length", "\"9st\""}}), Contains("rise"));
  CHECK_THROWS_WITH(library.create({{"start", "8"}, {"end", "30"}, {"increment", "8"}, {"length", "\"9st\""}}),
                    Contains("does not lead"));
  CHECK_THROWS_WITH(library.create({{"start", "8"}, {"end", "8"}, {"increment", "8"}, {"length", "\"9st\""}}),
                    Contains("above start"));
  CHECK_THROWS_WITH(BoundSchedule(library, with(kLine, "samples", "9"), run_start(100), {"seq_len"}),
                    Contains("samples"));
  for (const std::vector<std::string>& keys : {std::vector<std::string>{"lr"}, {"batch.sequences", "seq_len"}}) {
    CHECK_THROWS_WITH(BoundSchedule(library, with(kLine, "length", "\"9st\""), run_start(100), keys),
                      Contains("alone"));
  }
}
