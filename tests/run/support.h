// A run of one small source, and plugins made of a few lines.
#pragma once

#include <string>
#include <vector>

#include "core/run/config.h"
#include "core/schedule/schedule.h"
#include "support/temp_dir.h"

namespace espalier {

// With the byte tokenizer, four layers, 12 steps of 4 rows of 32 tokens; `more` is appended to the TOML.
inline RunConfig small_run(const TempDir& dir, const std::string& more = "", std::vector<std::string> sets = {}) {
  const fs::path text = dir.path() / "text.txt";
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += "line " + std::to_string(i) + " of a plain text\n";
  write_file(text, lines, ErrorCode::data);
  return parse_run_config(
      "[model]\nnum_layers = 4\nd_model = 32\nnum_heads = 2\n"
      "[data]\ntokenizer = \"byte\"\ncache_dir = \"" +
          (dir.path() / "cache").string() + "\"\n[[data.sources]]\nname = \"s\"\npath = \"" + text.string() +
          "\"\n[training]\nsteps = 12\nseq_len = 32\nmicro_batch = 4\ndtype = \"fp32\"\n" + more,
      "run.toml", sets);
}

// A schedule whose state is a text.
class Remembers : public Schedule {
 public:
  std::string state;
  bool fails = false;
  std::vector<double> values(const Progress&) override { return {0.01}; }
  void observe(const Progress&, const std::vector<std::string>&, const std::vector<double>&) override {}
  std::string save_state() override {
    if (fails) throw Error(ErrorCode::plugin, "cannot save", "org.test.remembers");
    return state;
  }
  void load_state(const std::string& bytes) override { state = bytes; }
};

}  // namespace espalier
