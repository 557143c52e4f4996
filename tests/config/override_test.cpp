#include "catch.h"
#include "tests/config/read.h"

using Catch::Contains;
using espalier::Error;
using espalier::test::read;
using espalier::test::read_error;

TEST_CASE("an override wins over the file and makes missing tables", "[config][override]") {
  const auto sample =
      read("[model]\nd_model = 8\n", {"model.d_model=16", "model.norm_eps=1e-6", "data.tokenizer=gpt2"});
  CHECK(sample.model.d_model == 16);
  CHECK(sample.model.norm_eps == 1e-6);
  CHECK(sample.data.tokenizer == "gpt2");
  CHECK(read("", {"warmup=1", "warmup=2"}).warmup == espalier::Duration::of_steps(2));
}

TEST_CASE("the right side is a TOML value, else text", "[config][override]") {
  CHECK(read("", {"betas=[0.1, 0.2]"}).betas == std::vector<double>{0.1, 0.2});
  CHECK(read("", {"data.tokenizer=\"a b\""}).data.tokenizer == "a b");
  CHECK(read("", {"data.tokenizer=runs/a=b"}).data.tokenizer == "runs/a=b");
  CHECK(read("", {"data.tokenizer="}).data.tokenizer.empty());
  CHECK(read("", {"data.tokenizer=2024-01-01"}).data.tokenizer == "2024-01-01");
  CHECK(read("", {"warmup=0.3dur"}).warmup == espalier::Duration::parse("0.3dur", ""));
  CHECK(read("", {"growth.plugin=x", "growth.params={a = 1, b = [2]}"}).growth.choice.params.size() == 2);
  // A line break cannot smuggle in a second key.
  CHECK(read("", {"data.tokenizer=1\nb=2"}).data.tokenizer == "1\nb=2");
}

TEST_CASE("an override addresses array items both ways", "[config][override]") {
  const std::string text = "[[data.sources]]\npath = 'a'\n[[data.sources]]\npath = 'b'\n";
  CHECK(read(text, {"data.sources[1].path=c"}).data.sources[1].path == "c");
  CHECK(read(text, {"data.sources.0.path=c"}).data.sources[0].path == "c");
  CHECK(read(text, {"data.sources[2].path=c"}).data.sources.size() == 3);
  CHECK(read("", {"data.sources[0].path=c", "data.sources[0].name=n"}).data.sources.at(0).name == "n");
  CHECK(read("betas = [0.9, 0.95]", {"betas[1]=0.99"}).betas[1] == 0.99);
  const Error far = read_error(text, {"data.sources[5].path=c"});
  CHECK(far.place() == "--set data.sources[5].path=c");
  CHECK_THAT(far.message(), Contains("a list of 2"));
}

TEST_CASE("errors of an override name the override", "[config][override]") {
  const Error unknown = read_error("[model]\nd_model = 8\n", {"model.d_modle=9"});
  CHECK(unknown.place() == "--set model.d_modle=9");
  CHECK(unknown.hint() == "did you mean 'd_model'?");
  CHECK(read_error("", {"model.d_model=0"}).place() == "--set model.d_model=0");
  CHECK_THAT(read_error("", {"model.d_model.x=0"}).message(), Contains("expected an integer, got a table"));
  CHECK_THAT(read_error("warmup = 3", {"warmup.x=0"}).message(), Contains("'warmup' is an integer"));
  for (const char* bad : {"model", "=3", "a..b=1", ".a=1"}) {
    const Error error = read_error("", {bad});
    CHECK(error.code() == espalier::ErrorCode::config);
    CHECK(error.place() == std::string("--set ") + bad);
  }
}

TEST_CASE("a bare number where text is due explains the quotes", "[config][override]") {
  CHECK_THAT(read_error("", {"data.tokenizer=123"}).hint(), Contains("\"123\""));
}
