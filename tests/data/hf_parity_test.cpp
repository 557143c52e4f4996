// The promise that Hugging Face's tokenizers read our files and give the same ids. Needs a Python with `tokenizers`:
// that of $ESPALIER_PEERS_PYTHON or of .deps/peers.
#include <fmt/format.h>

#include <cstdlib>

#include "core/base/json.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_training.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

std::string peers_python() {
  const char* named = std::getenv("ESPALIER_PEERS_PYTHON");
  const std::string python = named != nullptr ? named : ".deps/peers/bin/python";
  const bool works = std::system(fmt::format("'{}' -c 'import tokenizers' >/dev/null 2>&1", python).c_str()) == 0;
  return works ? python : "";
}

// Words, punctuation in long runs (many equally good cuts), indentation, all of Unicode short of U+2581, which Hugging
// Face's files cannot tell from a space.
std::vector<std::string> texts() {
  std::vector<std::string> all{
      "----------- ---- .... so....\n\n\n    x == y;\t// \"quoted\"  3.14159 <0x41> \xF0\x9F\x8E\x89"};
  for (uint64_t i = 0; i < 200; ++i) {
    std::string text = random_unicode(i, 40) + random_words(1000 + i, 300);
    for (size_t at = text.find("\xE2\x96\x81"); at != std::string::npos; at = text.find("\xE2\x96\x81"))
      text.replace(at, 3, "-----");
    all.push_back(text + std::string(i % 37, '-') + std::string(i % 23, '.') + std::string(i % 11, ' '));
  }
  return all;
}

}  // namespace

TEST_CASE("saved tokenizers give the same ids in Python", "[data][tokenizer][peers]") {
  const std::string python = peers_python();
  if (python.empty()) {
    WARN("skipped: no Python with `tokenizers` (./dev setup --peers makes one)");
    return;
  }
  TextSample sample;
  for (uint64_t i = 0; i < 50; ++i) sample.add(random_words(2000 + i, 500) + " --- ------ ... ..... == ;\n\n  \"x\"\n");
  const std::string model = train_sentencepiece(sample, 500);
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  tokenizers.push_back(make_byte_tokenizer());
  tokenizers.push_back(make_sentencepiece(model, "test"));
  tokenizers.push_back(
      make_sentencepiece(model + std::string("\x1a\x02\x18\x01", 4), "with a space before every text"));
  for (const auto& tokenizer : tokenizers) {
    const TempDir dir;
    tokenizer->save_hf(dir.path());
    std::string lines;
    for (const auto& text : texts())
      lines += nlohmann::json{{"text", text}, {"ids", tokenizer->encode(text)}}.dump() + "\n";
    put(dir / "lines.jsonl", lines);
    const auto command = fmt::format("'{}' tests/data/hf_parity.py '{}' '{}'", python, dir.path().string(),
                                     (dir / "lines.jsonl").string());
    CHECK(std::system(command.c_str()) == 0);
  }
}
