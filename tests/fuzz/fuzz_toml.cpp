// The configuration: the text of a file, then --set overrides, one a line. What is read is written and read again.
#include "core/base/text.h"
#include "core/config/toml.h"
#include "core/config/toml_changes.h"
#include "core/data/difficulty/tier_rule.h"
#include "core/data/stream/config.h"
#include "fuzz/input.h"

using namespace espalier;

namespace {

struct Config {
  DataConfig data;
  DifficultyConfig difficulty;
  Duration length;
  void fields(Fields& f) {
    f.table("data", data, "");
    f.table("difficulty", difficulty, "");
    f.field("length", length, "");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto parts = fuzz::parts_of(fuzz::text_of(bytes, size), 2);
  std::vector<std::string> overrides;
  for (const auto& line : split(parts[1], '\n'))
    if (!line.empty()) overrides.push_back(line);
  const std::string text(parts[0]);
  fuzz::survives([&] {
    Config config;
    const auto places = read_toml_text(text, "config.toml", overrides, [&](Fields& f) { config.fields(f); });
    fuzz::survives([&] { check(config.data); });
    fuzz::survives([&] { check(config.difficulty, config.data.sources, places); });
    const std::string written = write_toml([&](Fields& f) { config.fields(f); });
    Config again;
    read_toml_text(written, "written", {}, [&](Fields& f) { again.fields(f); });
    const auto rewritten = write_toml([&](Fields& f) { again.fields(f); });
    fuzz::require(rewritten == written, "a configuration reads back as it was written");
  });
  fuzz::survives([&] { toml_changes("[data]\nprefetch = 1\n", text); });
  return 0;
}
