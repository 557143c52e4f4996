// The stage lists that the strategies in width share, and what they refuse before anything runs.
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/method.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Contains;

namespace {

using List = std::vector<int64_t>;

std::string refusal(const Settings& settings, const ModelSpec& final_spec = tiny_llama(4),
                    const std::string& name = "net2net") {
  return error_of([&] { make_method(name, settings).strategy->num_stages(final_spec); });
}

}  // namespace

TEST_CASE("stages are listed dimension by dimension, and what is not listed is final from the start",
          "[methods][stages]") {
  auto method = make_method("net2net", {{"num_layers", List{1, 2}}, {"d_ff", List{16, 24}}});
  const ModelSpec last = tiny_llama(4);
  REQUIRE(method.strategy->num_stages(last) == 3);
  ModelSpec expected = last;
  CHECK(method.strategy->stage_spec(last, 2) == expected);
  expected.num_layers = 2, expected.d_ff = 24;
  CHECK(method.strategy->stage_spec(last, 1) == expected);
  expected.num_layers = 1, expected.d_ff = 16;
  CHECK(method.strategy->stage_spec(last, 0) == expected);
}

TEST_CASE("lists that cannot be are refused with their reason", "[methods][stages]") {
  CHECK_THAT(refusal({}), Contains("no stage is listed"));
  CHECK_THAT(refusal({{"num_layers", List{1, 2}}, {"d_ff", List{16}}}),
             Contains("num_layers lists 2 stages, d_ff lists 1"));
  CHECK_THAT(refusal({{"num_layers", List{3, 2}}}), Contains("num_layers shrinks from 3 in stage 1 to 2"));
  CHECK_THAT(refusal({{"d_model", List{64}}}), Contains("d_model 64 of stage 1 is past the 32 of [model]"));
  CHECK_THAT(refusal({{"num_heads", List{3}}}), Contains("num_heads 3 is not a multiple of num_kv_heads 2"));
  CHECK_THAT(refusal({{"num_layers", List{4}}}), Contains("nothing grows between stage 1 and stage 2"));
  CHECK_THAT(refusal({{"d_ff", List{0}}}), Contains("d_ff"));
}

TEST_CASE("query heads that would lose their key/value head are refused", "[methods][stages][gqa]") {
  ModelSpec last = tiny_llama();
  last.num_heads = 8, last.num_kv_heads = 4;                                      // groups of 2
  const Settings settings = {{"num_heads", List{6}}, {"num_kv_heads", List{2}}};  // groups of 3
  for (const char* name : {"net2net", "bert2bert", "lemon", "zero"})
    CHECK_THAT(refusal(settings, last, name), Contains("cannot keep their key/value heads"));
}

TEST_CASE("a plan between shapes that the method cannot connect leaves the model as it was", "[methods][stages]") {
  const Model model = random_model(tiny_llama(4), 1), kept = random_model(tiny_llama(4), 1);
  for (const char* name : {"net2net", "bert2bert", "lemon", "staged", "zero", "msg"}) {
    auto method = make_method(name, {{"num_layers", List{2}}});
    ModelSpec smaller = tiny_llama(4);
    smaller.d_model = 24;
    INFO(name);
    CHECK_THAT(error_of([&] { grow(*method.strategy, model, smaller); }),
               Contains("d_model cannot shrink from 32 to 24"));
  }
  for (const auto& param : model.params) CHECK(param.value.equal(kept.params.at(param.info.name)));
}
