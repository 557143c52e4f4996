// The scorers' reader of JSON lines, against nlohmann-json.
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "catch.h"
#include "plugins/difficulty/common/json_line.hpp"

namespace {

struct Answer {
  bool is_object;
  std::optional<std::string> text;
  bool operator==(const Answer& other) const { return is_object == other.is_object && text == other.text; }
};

Answer ours(const std::string& line) {
  Answer answer{};
  answer.is_object = JsonLine(line).read("text", answer.text);
  if (!answer.is_object) answer.text.reset();
  return answer;
}

Answer reference(const std::string& line) {
  const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_object()) return {false, {}};
  const auto text = parsed.find("text");
  if (text == parsed.end() || !text->is_string()) return {true, {}};
  return {true, text->get<std::string>()};
}

}  // namespace

TEST_CASE("a field of a JSON object", "[sdk][difficulty][json]") {
  CHECK(ours(R"({"text": "a\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00"})").text ==
        "a\"\\/\b\f\n\r\tA\xC3\xA9\xF0\x9F\x98\x80");
  CHECK(ours(R"({"meta": {"text": "inner"}, "n": [1, -2.5e+3, {}], "text": "outer", "z": null})").text == "outer");
  CHECK(ours("{\"text\": \"\xFF\"}").text == "\xFF");
  CHECK(ours("{\"text\": " + std::string(100000, '[') + "}").is_object == false);  // no stack is that deep
}

TEST_CASE("what is a JSON object and what is not, as nlohmann-json has it", "[sdk][difficulty][json]") {
  const std::string seeds[] = {
      R"({"text": "a b", "id": 12, "ok": [true, false, null]})",
      R"({"id": -0.5e-7, "text": "\u00e9\n \ud83d\ude00", "x": {"text": {"y": []}}})",
      R"( {"a": 1E5, "text": 7, "text": "last"} )",
      R"({"text": "last", "text": [0, 10, 0.1]})",
      "{}",
      "[]",
      "\"text\"",
  };
  const std::string alphabet = "{}[]\":,\\/u0123456789.eE+-abcdfnrtlsx \t\x01";
  std::mt19937 random(1);
  std::size_t objects = 0;
  const std::regex huge("[eE][+]?[0-9]{3}");
  for (const std::string& seed : seeds) {
    CHECK(ours(seed) == reference(seed));
    for (int i = 0; i < 20000; ++i) {
      std::string line = seed;
      for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
        const char c = alphabet[random() % alphabet.size()];
        const std::size_t at = random() % (line.size() + 1);
        if (random() % 3 == 0) {
          line.insert(at, 1, c);
        } else if (random() % 2 == 0 && at < line.size()) {
          line.erase(at, 1);
        } else if (at < line.size()) {
          line[at] = c;
        }
      }
      if (std::regex_search(line, huge)) continue;  // nlohmann-json refuses what no double can hold
      const Answer expected = reference(line);
      objects += expected.is_object ? 1 : 0;
      if (!(ours(line) == expected)) {
        INFO(line);
        CHECK(ours(line).is_object == expected.is_object);
        CHECK(ours(line).text == expected.text);
      }
    }
  }
  CHECK(objects > 5000);
}
