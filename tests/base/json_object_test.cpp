
#include "core/base/json_object.h"
#include "catch.h"
#include "core/base/json.h"
#include "core/base/json_number.h"
#include "core/base/text.h"

using namespace espalier;
using Catch::Contains;

namespace {

nlohmann::json parse(const std::string& text, JsonKeys keys = JsonKeys::any) {
  return parse_json(text, ErrorCode::checkpoint, "here.json", {}, keys);
}

}  // namespace

TEST_CASE("JSON that is damaged, too deep or says one thing twice is an Error with its place", "[json]") {
  for (const std::string text : {"", "{", "{\"a\":}", "[1,2", "nul", "{\"a\":1}}", "\xff"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse(text), Error);
    CHECK_THROWS_WITH(parse(text), Catch::StartsWith("here.json: is not valid JSON from byte"));
  }
  const std::string deep = std::string(1'000'000, '[');
  CHECK_THROWS_WITH(parse(deep), Contains("nests deeper than 128"));
  CHECK_NOTHROW(parse(std::string(128, '[') + std::string(128, ']')));
  CHECK_NOTHROW(parse("[\"" + std::string(1000, '[') + "\"]"));  // brackets of a text are none
  CHECK(parse(R"({"a":1,"a":2})")["a"] == 2);
  CHECK_THROWS_WITH(parse(R"({"b":{"a":1,"a":2}})", JsonKeys::unique), Contains("'a' stands there twice"));
  CHECK_NOTHROW(parse(R"({"a":{"a":1},"b":{"a":2}})", JsonKeys::unique));
}

TEST_CASE("numbers that JSON lacks are harmless where nobody reads them", "[json]") {
  const auto read = parse(R"({"a": NaN, "b": [Infinity,-Infinity], "c": 1e999, "d": "NaN \" 1e999", "e": -2.5e3})");
  CHECK(read["a"] == "NaN");
  CHECK(read["b"] == nlohmann::json({"Infinity", "-Infinity"}));
  CHECK(read["c"] == "1e999");
  CHECK(read["d"] == "NaN \" 1e999");
  CHECK(read["e"] == -2500);
  const JsonObject object(read, ErrorCode::checkpoint, "here.json", "config.json");
  CHECK_THROWS_WITH(object.number("a"), Contains("config.json: 'a' must be a number, not \"NaN\""));
  CHECK(zero_non_finite(R"({"a":NaN,"b":"NaN"})") == R"({"a":0,"b":"NaN"})");
}

TEST_CASE("a key is read as the type that is asked for, or named with its value", "[json]") {
  const auto value = nlohmann::json::parse(
      R"({"i":7,"u":18446744073709551615,"f":1.5,"t":"x","n":null,"b":true,"o":{"k":"v"},"l":[1]})");
  const JsonObject object(value, ErrorCode::checkpoint, "here.json");
  CHECK(object.integer("i") == 7);
  CHECK(object.number("i") == 7);
  CHECK(object.integer("n", 3) == 3);
  CHECK(object.integer("absent", 3) == 3);
  CHECK(object.object("o").text("k") == "v");
  CHECK_THROWS_WITH(object.integer("n"), Contains("lacks 'n'"));
  CHECK_THROWS_WITH(object.integer("u"), Contains("'u' must be an integer, not 18446744073709551615"));
  for (const char* key : {"f", "t", "b", "o", "l"}) CHECK_THROWS_AS(object.integer(key), Error);
  for (const char* key : {"i", "f", "t", "o", "l"}) CHECK_THROWS_AS(object.flag(key, false), Error);
  for (const char* key : {"i", "f", "b", "o", "l"}) CHECK_THROWS_AS(object.text(key, ""), Error);
  CHECK_THROWS_WITH(JsonObject(value["l"], ErrorCode::checkpoint, "here.json"), Contains("not a JSON object but [1]"));
}

TEST_CASE("bytes that are not UTF-8 can be written, and stay apart as keys", "[json]") {
  CHECK(dump_json("caf\xe9") == "\"caf\xEF\xBF\xBD\"");
  CHECK(escape_invalid_utf8("caf\xe9") == "caf\\xE9");
  CHECK(escape_invalid_utf8("caf\xe9") != escape_invalid_utf8("caf\xe8"));
  CHECK(escape_invalid_utf8("caf\xc3\xa9") == "caf\xc3\xa9");
}

TEST_CASE("a number is read as whole only where it is one of that range", "[base][json]") {
  const auto read = [](const char* text) { return whole_number<uint32_t>(own_json(text)); };
  CHECK(read("0") == 0);
  CHECK(read("4294967295") == 4294967295U);
  CHECK(whole_number<int64_t>(own_json("-9223372036854775808")) == INT64_MIN);
  CHECK(whole_number<uint64_t>(own_json("18446744073709551615")) == UINT64_MAX);
  for (const char* text :
       {"4294967296", "-1", "2.0", "2.5", "3e25", "30021305032975232130503297", "true", "\"1\"", "null", "[1]"})
    CHECK_THROWS_AS(read(text), nlohmann::json::exception);
}
