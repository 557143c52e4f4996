// Files of generated lines: readable JSON, the same for any number of threads, cut where asked, whole or not there.
#include <zlib.h>
#include <zstd.h>

#include <sstream>

#include "catch.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/data/generate/jsonl_output.h"
#include "core/data/generate/records.h"
#include "core/data/generate/story.h"
#include "support/temp_dir.h"

using namespace espalier;
using namespace espalier::generate;
using nlohmann::json;

namespace {

WriteLine stories(const StoryRecords& records) {
  return [&](uint64_t number, std::string& out) { records.write(number, out); };
}

std::vector<json> parse_lines(const std::string& text) {
  std::vector<json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

std::string gunzip(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  std::string out, buffer(1 << 16, 0);
  for (int n; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
    out.append(buffer, 0, static_cast<size_t>(n));
  gzclose(file);
  return out;
}

std::string unzstd(const fs::path& path) {
  const std::string bytes = read_file(path, ErrorCode::data);
  std::string out, buffer(1 << 20, 0);
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer target{buffer.data(), buffer.size(), 0};
    REQUIRE(ZSTD_isError(ZSTD_decompressStream(context, &target, &in)) == 0);
    out.append(buffer, 0, target.pos);
  }
  ZSTD_freeDCtx(context);
  return out;
}

}  // namespace

TEST_CASE("a file of stories does not depend on threads, compression or its length", "[generate][output]") {
  const TempDir dir;
  const StoryRecords records(5, {0, 2}, Split::train);
  const auto one = dir.path() / "one.jsonl", four = dir.path() / "four.jsonl", zipped = dir.path() / "a.jsonl.gz",
             packed = dir.path() / "a.jsonl.zst", part = dir.path() / "part.jsonl";
  const OutputTotals totals = write_json_lines(one, {2500, 0}, 1, stories(records));
  write_json_lines(four, {2500, 0}, 4, stories(records));
  write_json_lines(zipped, {2500, 0}, 3, stories(records));
  write_json_lines(packed, {2500, 0}, 2, stories(records));
  write_json_lines(part, {100, 0}, 2, stories(records));
  const std::string text = read_file(one, ErrorCode::data);
  CHECK(totals.documents == 2500);
  CHECK(totals.bytes == text.size());
  CHECK(read_file(four, ErrorCode::data) == text);
  CHECK(gunzip(zipped) == text);
  CHECK(unzstd(packed) == text);
  CHECK(fs::file_size(packed) < text.size() / 4);
  CHECK(text.starts_with(read_file(part, ErrorCode::data)));
  const auto lines = parse_lines(text);
  REQUIRE(lines.size() == 2500);
  for (size_t i = 0; i < 200; ++i) {
    const int level = i % 2 == 0 ? 0 : 2;
    CHECK(lines[i]["level"] == level);
    CHECK(lines[i]["text"] == StoryGenerator(5, level).story(i / 2).text);
    CHECK(lines[i]["id"] == "story-train-s5-l" + std::to_string(level) + "-" + std::to_string(i / 2));
  }
}

TEST_CASE("a size in bytes ends with the document that reaches it", "[generate][output]") {
  const TempDir dir;
  const StoryRecords records(1, {1}, Split::heldout);
  const auto whole = dir.path() / "whole.jsonl", cut = dir.path() / "cut.jsonl", again = dir.path() / "again.jsonl";
  write_json_lines(whole, {6000, 0}, 2, stories(records));
  const std::string text = read_file(whole, ErrorCode::data);
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{100000}, uint64_t{3000000}}) {
    const OutputTotals totals = write_json_lines(cut, {0, bytes}, 1, stories(records));
    write_json_lines(again, {0, bytes}, 4, stories(records));
    const std::string kept = read_file(cut, ErrorCode::data);
    CHECK(kept == read_file(again, ErrorCode::data));
    CHECK(text.starts_with(kept));
    CHECK(kept.size() == totals.bytes);
    CHECK(kept.size() >= bytes);
    CHECK(kept.rfind('\n', kept.size() - 2) + 1 < bytes + (bytes == 1));  // without its last line it is too short
  }
}

TEST_CASE("problems are written for training and for both forms of evaluation", "[generate][output]") {
  const std::vector<Task> tasks = {Task::addition, Task::assignment_code};
  for (const ProblemForm form : {ProblemForm::text, ProblemForm::choices, ProblemForm::completion}) {
    const ProblemRecords records(2, {0, 1}, tasks, Split::heldout, form);
    for (uint64_t number = 0; number < 40; ++number) {
      std::string line;
      records.write(number, line);
      const json record = json::parse(line);
      const int level = static_cast<int>(number % 2);
      const Task task = tasks[number / 2 % 2];
      const Problem problem = make_problem(2, task, level, Split::heldout, number / 4);
      CHECK(record["level"] == level);
      CHECK(record["task"] == kTaskNames[static_cast<size_t>(task)]);
      CHECK(record["answer"] == problem.answer);
      if (form == ProblemForm::text) {
        CHECK(record["text"] == problem.context + " " + problem.answer);
        CHECK(record["question"] == problem.context);
      } else if (form == ProblemForm::choices) {
        CHECK(record["query"] == problem.context);
        CHECK(record["choices"][record["gold"].get<size_t>()] == problem.answer);
        CHECK(record["choices"].size() == 5);
      } else {
        CHECK(record["context"] == problem.context);
        CHECK(record["continuation"] == " " + problem.answer);
      }
    }
  }
}

TEST_CASE("a file that cannot be finished is not there", "[generate][output]") {
  const TempDir dir;
  const auto path = dir.path() / "a.jsonl";
  const auto failing = [](uint64_t number, std::string& out) {
    if (number == 3000) throw Error(ErrorCode::internal, "on purpose");
    out += "{}\n";
  };
  CHECK_THROWS_AS(write_json_lines(path, {5000, 0}, 2, failing), Error);
  CHECK(fs::is_empty(dir.path()));
  write_json_lines(path, {10, 0}, 2, [](uint64_t, std::string& out) { out += "{}\n"; });
  CHECK_THROWS_AS(write_json_lines(path, {5000, 0}, 2, failing), Error);
  CHECK(fs::file_size(path) == 30);  // the old one
  CHECK_THROWS_AS(write_json_lines(dir.path() / "missing" / "a.jsonl", {1, 0}, 1, failing), Error);
  CHECK_THROWS_AS(write_json_lines(path, {0, 0}, 1, failing), Error);
}

TEST_CASE("JSON strings are escaped", "[generate][output]") {
  for (const std::string text : {"", "plain", "\"", "a \"b\" \\ c\n\nd", "\\\\\"\""}) {
    std::string out;
    append_json_string(out, text);
    CHECK(json::parse(out) == text);
  }
}
