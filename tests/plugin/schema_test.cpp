#include "core/plugin/schema.h"

#include "catch.h"
#include "core/config/param_text.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::ParamValue;
using espalier::RunLength;
using espalier::plugin::check_schema;
using espalier::plugin::ParamSpec;
using espalier::plugin::PluginInfo;
using espalier::plugin::ResolvedParams;
using namespace espalier::test;

namespace {

ParamSpec spec(const char* key, uint32_t type, const char* default_literal) {
  ParamSpec out;
  out.key = key;
  out.type = type;
  out.doc = "meaning of " + std::string(key);
  out.default_literal = default_literal;
  return out;
}

PluginInfo sample() {
  PluginInfo info;
  info.id = "org.example.sample";
  info.params = {spec("flag", ESP_PARAM_BOOL, "true"),
                 spec("count", ESP_PARAM_I64, "3"),
                 spec("rate", ESP_PARAM_F64, "0.5"),
                 spec("mode", ESP_PARAM_STR, "\"copy\""),
                 spec("warmup", ESP_PARAM_DURATION, "\"10st\""),
                 spec("sizes", ESP_PARAM_I64_LIST, "[1, 2]"),
                 spec("rates", ESP_PARAM_F64_LIST, "[0.5]"),
                 spec("names", ESP_PARAM_STR_LIST, "[]")};
  info.params[1].flags = ESP_PARAM_HAS_MIN | ESP_PARAM_HAS_MAX;
  info.params[1].min = 1;
  info.params[1].max = 9;
  info.params[2].flags = ESP_PARAM_HAS_MIN | ESP_PARAM_MIN_OPEN;
  info.params[3].choices = {"copy", "zero"};
  info.params[6].flags = ESP_PARAM_HAS_MAX;
  info.params[6].max = 1;
  return info;
}

ResolvedParams resolve(std::map<std::string, ParamValue> params, const RunLength& run = {}) {
  return {sample(), choose("sample", std::move(params)), run};
}

Error resolve_error(std::map<std::string, ParamValue> params, const RunLength& run = {}) {
  return error_of([&] { resolve(std::move(params), run); });
}

int64_t i64(const ResolvedParams& params, const char* key, uint64_t index = 0) {
  const esp_config config = params.table();
  int64_t out = -1;
  CHECK(config.i64(&config, key, index, &out) == ESP_OK);
  return out;
}

}  // namespace

TEST_CASE("parameters that are left out have their defaults", "[plugin][schema]") {
  const ResolvedParams params = resolve({});
  CHECK(params.values().size() == 8);
  CHECK(params.json() == R"({"count":3,"flag":true,"mode":"copy","names":[],"rate":0.5,"rates":[0.5],"sizes":[1,2],)"
                         R"("warmup":"10st"})");
  CHECK(i64(params, "count") == 3);
  CHECK(i64(params, "flag") == 1);
  CHECK(i64(params, "warmup") == 10);
  CHECK(i64(params, "sizes", 1) == 2);
}

TEST_CASE("the user's parameters win, in the declared type", "[plugin][schema]") {
  const ResolvedParams params = resolve({{"rate", value(int64_t{2})},
                                         {"rates", list({int64_t{1}, 0.25})},
                                         {"warmup", value(std::string("0.5dur"))},
                                         {"mode", value(std::string("zero"))},
                                         {"names", list({std::string("a"), std::string("b")})}},
                                        RunLength{.total_steps = 400});
  // A number stays a number in config.resolved.toml, whatever the user wrote.
  CHECK(espalier::toml_literal(params.values().at("rate")) == "2.0");
  CHECK(espalier::toml_literal(params.values().at("rates")) == "[1.0, 0.25]");
  CHECK(espalier::toml_literal(params.values().at("warmup")) == "\"0.5dur\"");
  CHECK(i64(params, "warmup") == 200);
  const esp_config config = params.table();
  double rate = 0;
  CHECK(config.f64(&config, "rate", 0, &rate) == ESP_OK);
  CHECK(rate == 2.0);
  esp_str name{};
  CHECK(config.str(&config, "names", 1, &name) == ESP_OK);
  CHECK(std::string(name.data, name.size) == "b");
  uint64_t count = 0;
  CHECK(config.count(&config, "names", &count) == ESP_OK);
  CHECK(count == 2);
}

TEST_CASE("the plugin's view refuses wrong keys, types and indices", "[plugin][schema]") {
  const ResolvedParams params = resolve({});
  const esp_config config = params.table();
  int64_t integer = 0;
  double number = 0;
  esp_str text{};
  uint64_t count = 0;
  CHECK(config.i64(&config, "absent", 0, &integer) == ESP_NOT_FOUND);
  CHECK(config.count(&config, "absent", &count) == ESP_NOT_FOUND);
  CHECK(config.i64(&config, "sizes", 2, &integer) == ESP_NOT_FOUND);
  CHECK(config.i64(&config, "mode", 0, &integer) == ESP_INVALID_ARGUMENT);
  CHECK(config.i64(&config, "rate", 0, &integer) == ESP_INVALID_ARGUMENT);
  CHECK(config.f64(&config, "mode", 0, &number) == ESP_INVALID_ARGUMENT);
  CHECK(config.f64(&config, "count", 0, &number) == ESP_OK);
  CHECK(config.str(&config, "count", 0, &text) == ESP_INVALID_ARGUMENT);
  CHECK(config.i64(&config, nullptr, 0, &integer) == ESP_INVALID_ARGUMENT);
  CHECK(config.i64(&config, "count", 0, nullptr) == ESP_INVALID_ARGUMENT);
}

TEST_CASE("an unknown parameter is a config error with a suggestion", "[plugin][schema]") {
  const Error near = resolve_error({{"cuont", value(int64_t{3})}});
  CHECK(near.code() == ErrorCode::config);
  CHECK(near.place() == "run.toml:9:5");
  CHECK_THAT(near.message(), Contains("org.example.sample has no parameter 'cuont'"));
  const Error one_off = resolve_error({{"coun", value(int64_t{3})}});
  CHECK(one_off.hint() == "did you mean 'count'?");
  CHECK_THAT(resolve_error({{"xyzzy", value(true)}}).hint(), Contains("it takes: flag, count, rate"));
}

TEST_CASE("values of the wrong type or out of range are config errors at their place", "[plugin][schema]") {
  const auto check = [](const char* key, const ParamValue& given, const char* expected) {
    const Error error = resolve_error({{key, given}});
    INFO(error.what());
    CHECK(error.code() == ErrorCode::config);
    CHECK(error.place() == "run.toml:9:5");
    CHECK_THAT(error.what(), Contains(expected));
  };
  check("flag", value(int64_t{1}), "expected true or false, got an integer");
  check("count", value(2.5), "expected an integer, got a number");
  check("count", value(2.0), "write 2");
  check("count", value(int64_t{10}), "must be between 1 and 9, got 10");
  check("rate", value(0.0), "must be greater than 0, got 0");
  check("rate", value(std::nan("")), "must be a finite number");
  check("rate", value(std::string("fast")), "expected a number, got a text");
  check("mode", value(std::string("cop")), "did you mean 'copy'?");
  check("mode", value(int64_t{7}), "put it in quotes");
  check("mode", value(std::string("other")), R"(is not one of "copy", "zero")");
  check("warmup", value(std::string("10 hours")), "unknown unit 'hours'");
  check("warmup", value(int64_t{-1}), "must not be negative");
  check("warmup", value(1.5), "expected a duration");
  check("sizes", value(int64_t{1}), "expected a list of integers");
  check("count", list({int64_t{1}}), "expected an integer, got a list");
  check("sizes", list({int64_t{1}, std::string("x")}), "got a text");
  check("rates", list({0.5, 1.5}), "must be at most 1, got 1.5");
}

TEST_CASE("a duration that cannot be measured in this run is a config error", "[plugin][schema]") {
  const Error error = resolve_error({{"warmup", value(std::string("2ep"))}}, RunLength{.total_steps = 10});
  CHECK(error.code() == ErrorCode::config);
  CHECK(error.place() == "run.toml:9:5");
  CHECK_THAT(error.message(), Contains("needs the number of tokens"));
  // It is well-formed all the same.
  CHECK_NOTHROW(espalier::plugin::check_params(sample(), choose("x", {{"warmup", value(std::string("2ep"))}})));
}

TEST_CASE("a required parameter must be given", "[plugin][schema]") {
  PluginInfo info = sample();
  info.params[1].flags |= ESP_PARAM_REQUIRED;
  info.params[1].default_literal.clear();
  CHECK_NOTHROW(check_schema(info, "x.so"));
  const Error error = error_of([&] { ResolvedParams(info, choose("sample"), {}); });
  CHECK(error.code() == ErrorCode::config);
  CHECK(error.place() == "run.toml:7:1");
  CHECK_THAT(error.message(), Contains("needs the parameter 'count'"));
  CHECK_THAT(error.hint(), Contains("count = ..."));
  CHECK_NOTHROW(ResolvedParams(info, choose("sample", {{"count", value(int64_t{5})}}), {}));
}

TEST_CASE("a schema that contradicts itself is a defect of the plugin", "[plugin][schema]") {
  const auto defect = [](const std::function<void(ParamSpec&)>& change, size_t index) {
    PluginInfo info = sample();
    change(info.params[index]);
    const Error error = error_of([&] { check_schema(info, "x.so"); });
    CHECK(error.code() == ErrorCode::plugin);
    return error.message();
  };
  CHECK_NOTHROW(check_schema(sample(), "x.so"));
  CHECK_THAT(defect([](ParamSpec& s) { s.default_literal = "12"; }, 1), Contains("must be between 1 and 9"));
  CHECK_THAT(defect([](ParamSpec& s) { s.default_literal = "\"x\""; }, 1), Contains("expected an integer"));
  CHECK_THAT(defect([](ParamSpec& s) { s.default_literal = "copy"; }, 3), Contains("not a TOML value"));
  CHECK_THAT(defect([](ParamSpec& s) { s.default_literal = ""; }, 3), Contains("has no default"));
  CHECK_THAT(defect([](ParamSpec& s) { s.min = 10; }, 1), Contains("min 10 is above max 9"));
  CHECK_THAT(defect([](ParamSpec& s) { s.choices = {"1"}; }, 1), Contains("is not text"));
}
