// MIDAS and stacking: where each layer of the larger model comes from.
#include <numeric>

#include "catch.h"
#include "sdk/growth_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

std::vector<double> count_up(std::size_t n, double first = 1) {
  std::vector<double> out(n);
  std::iota(out.begin(), out.end(), first);
  return out;
}

/// Share of the neighbouring pairs that were neighbours before.
double connection_rate(const std::vector<double>& layers) {
  double kept = 0;
  for (std::size_t i = 1; i < layers.size(); ++i) kept += layers[i] == layers[i - 1] + 1 ? 1 : 0;
  return kept / static_cast<double>(layers.size() - 1);
}

}  // namespace

TEST_CASE("MIDAS inserts the copy of block ceil(n/2) directly after it", "[sdk][growth][midas]") {
  PluginLibrary library(plugin_path("midas"));
  const Object midas = library.create({{"block_size", "1"}});
  CHECK(grow(midas, {1}, 2).labels == std::vector<double>{1, 1});
  CHECK(grow(midas, {1, 2}, 3).labels == std::vector<double>{1, 1, 2});
  CHECK(grow(midas, {1, 2, 3}, 4).labels == std::vector<double>{1, 2, 2, 3});
  CHECK(grow(midas, {1, 2, 3, 4}, 5).labels == std::vector<double>{1, 2, 2, 3, 4});
  CHECK(grow(midas, {1, 2, 3, 4, 5}, 6).labels == std::vector<double>{1, 2, 3, 3, 4, 5});
}

TEST_CASE("the MIDAS genealogy over five growths is a, x2, x4, x5, x3, x1", "[sdk][growth][midas]") {
  PluginLibrary library(plugin_path("midas"));
  const Object midas = library.create({{"block_size", "1"}, {"moments", "\"zero\""}});
  std::vector<double> born = {0};  // the growth that made each block
  for (std::size_t growth = 1; growth <= 5; ++growth) {
    // Blocks trained apart between the growths: each has its own marker.
    const GrownLayers grown = grow(midas, count_up(growth, 0), static_cast<std::int64_t>(growth) + 1);
    std::vector<double> next;
    for (std::size_t i = 0; i < grown.labels.size(); ++i) {
      const bool is_copy = grown.moments[i] == ESP_MOMENTS_ZERO;
      next.push_back(is_copy ? static_cast<double>(growth) : born[static_cast<std::size_t>(grown.labels[i])]);
    }
    born = next;
  }
  CHECK(born == std::vector<double>{0, 2, 4, 5, 3, 1});
}

TEST_CASE("MIDAS moves blocks of several layers as one", "[sdk][growth][midas]") {
  PluginLibrary library(plugin_path("midas"));
  const Object midas = library.create({{"block_size", "3"}});
  CHECK(stage_layers(midas, 9) == std::vector<std::int64_t>{3, 6, 9});
  CHECK(grow(midas, count_up(3), 6).labels == std::vector<double>{1, 2, 3, 1, 2, 3});
  CHECK(grow(midas, count_up(6), 9).labels == std::vector<double>{1, 2, 3, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("MIDAS keeps the order of everything else", "[sdk][growth][midas]") {
  PluginLibrary library(plugin_path("midas"));
  for (std::int64_t block : {1, 2, 3, 4}) {
    const Object midas = library.create({{"block_size", std::to_string(block)}});
    for (std::int64_t n = 1; n <= 6; ++n) {
      std::vector<double> layers = grow(midas, count_up(static_cast<std::size_t>(n * block)), (n + 1) * block).labels;
      const std::int64_t at = (n + 1) / 2 * block;
      for (std::int64_t i = 0; i < block; ++i) {
        const auto copy = static_cast<std::size_t>(at + i);
        CHECK(layers[copy] == layers[copy - static_cast<std::size_t>(block)]);
      }
      layers.erase(layers.begin() + at, layers.begin() + at + block);
      CHECK(layers == count_up(static_cast<std::size_t>(n * block)));
    }
  }
}

TEST_CASE("without training in between MIDAS and gradual stacking agree", "[sdk][growth]") {
  PluginLibrary midas_library(plugin_path("midas"));
  PluginLibrary stack_library(plugin_path("stack"));
  const Object midas = midas_library.create({{"block_size", "2"}});
  const Object stack = stack_library.create({{"block_size", "2"}});
  std::vector<double> a = {1, 2}, b = {1, 2};
  for (std::int64_t layers = 4; layers <= 10; layers += 2) {
    a = grow(midas, a, layers).labels;
    b = grow(stack, b, layers).labels;
    CHECK(a == b);
  }
}

TEST_CASE("the moments of copies are mapped or fresh, those of old layers always mapped", "[sdk][growth]") {
  for (const std::string name : {"midas", "stack"}) {
    PluginLibrary library(plugin_path(name));
    const Object copy = library.create({{"block_size", "1"}, {"moments", "\"copy\""}});
    CHECK(grow(copy, {1, 2}, 3).moments == std::vector<std::uint32_t>(3, ESP_MOMENTS_MAP));
    const Object zero = library.create({{"block_size", "1"}, {"moments", "\"zero\""}});
    const std::vector<std::uint32_t> moments = grow(zero, {1, 2}, 3).moments;
    CHECK(std::count(moments.begin(), moments.end(), ESP_MOMENTS_ZERO) == 1);
    CHECK(moments[name == "midas" ? 1 : 2] == ESP_MOMENTS_ZERO);
  }
}

TEST_CASE("gradual stacking appends the last block", "[sdk][growth][stack]") {
  PluginLibrary library(plugin_path("stack"));
  const Object stack = library.create({{"block_size", "2"}});
  CHECK(stage_layers(stack, 6) == std::vector<std::int64_t>{2, 4, 6});
  CHECK(grow(stack, {1, 2, 3, 4}, 6).labels == std::vector<double>{1, 2, 3, 4, 3, 4});
}

TEST_CASE("whole-stack growth repeats all layers", "[sdk][growth][stack]") {
  PluginLibrary library(plugin_path("stack"));
  const Object doubling = library.create({{"block_size", "3"}, {"mode", "\"all\""}});
  CHECK(stage_layers(doubling, 12) == std::vector<std::int64_t>{3, 6, 12});
  CHECK(grow(doubling, {1, 2, 3}, 6).labels == std::vector<double>{1, 2, 3, 1, 2, 3});

  const Object fourfold = library.create({{"block_size", "6"}, {"mode", "\"all\""}, {"factor", "4"}});
  CHECK(stage_layers(fourfold, 24) == std::vector<std::int64_t>{6, 24});
  const std::vector<double> layers = grow(fourfold, count_up(6), 24).labels;
  for (std::size_t i = 0; i < 24; ++i) CHECK(layers[i] == static_cast<double>(i % 6) + 1);
  CHECK(connection_rate(layers) == Approx(20.0 / 23));

  const Object threefold = library.create({{"block_size", "8"}, {"mode", "\"all\""}, {"factor", "3"}});
  CHECK(connection_rate(grow(threefold, count_up(8), 24).labels) == Approx(21.0 / 23));
}

TEST_CASE("a depth that the steps cannot reach is refused with the numbers", "[sdk][growth]") {
  PluginLibrary midas(plugin_path("midas"));
  CHECK_THROWS_WITH(stage_layers(midas.create({{"block_size", "3"}}), 8), Contains("3") && Contains("8"));
  PluginLibrary stack(plugin_path("stack"));
  CHECK_THROWS_WITH(stage_layers(stack.create({{"block_size", "4"}}), 6), Contains("4") && Contains("6"));
  const Object doubling = stack.create({{"block_size", "3"}, {"mode", "\"all\""}});
  CHECK_THROWS_WITH(stage_layers(doubling, 9), Contains("3") && Contains("9"));
  CHECK_THROWS_WITH(grow(doubling, {1, 2, 3}, 9), Contains("6") && Contains("9"));
}

TEST_CASE("growth in depth refuses a change of width", "[sdk][growth]") {
  for (const std::string name : {"midas", "stack"}) {
    PluginLibrary library(plugin_path(name));
    const Object growth = library.create({{"block_size", "1"}});
    const ToyModel from(1), to(2);
    esp_arch wider = *to.raw();
    wider.dims.d_model = 4;
    FakePlan plan(from);
    CHECK_THROWS_WITH(call_ok(growth.table<esp_growth>().plan, growth.self(), from.raw(), &wider, plan.raw()),
                      Contains("width"));
    CHECK(plan.assignments().empty());
  }
}
