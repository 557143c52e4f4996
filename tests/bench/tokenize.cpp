// bench_tokenize TOKENIZER [--pattern P] [--save DIR] [--ids FILE] FILE...: encodes the documents of text files one by
// one with one encoder on one thread and prints one line of JSON with the speed. --save writes the tokenizer as Hugging
// Face files; --ids writes int32 numbers, for each document their count and the ids, to compare with other programs.
// TOKENIZER is "byte", "sentencepiece:N" or "bpe:N" (trained on a sample of the documents), or a path.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/data/text/document_reader.h"
#include "core/data/tokenizer/bpe_training.h"
#include "core/data/tokenizer/byte_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_training.h"
#include "core/data/tokenizer/tokenizer.h"

using namespace espalier;

namespace {

struct Options {
  std::string tokenizer, pattern, save, ids;
  std::vector<std::string> files;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    std::string* value = argument == "--pattern" ? &options.pattern
                         : argument == "--save"  ? &options.save
                         : argument == "--ids"   ? &options.ids
                                                 : nullptr;
    if (value != nullptr && i + 1 < argc) {
      *value = argv[++i];
    } else if (options.tokenizer.empty()) {
      options.tokenizer = argument;
    } else {
      options.files.push_back(argument);
    }
  }
  return options;
}

TextSample sample_of(const std::vector<std::string>& texts) {
  TextSample sample;
  for (const auto& text : texts) sample.add(text);
  return sample;
}

std::unique_ptr<Tokenizer> open(const Options& options, const std::vector<std::string>& texts) {
  const std::string& name = options.tokenizer;
  if (name == "byte") return make_byte_tokenizer();
  if (name.starts_with("sentencepiece:"))
    return make_sentencepiece(train_sentencepiece(sample_of(texts), std::stoll(name.substr(14))), "trained");
  if (name.starts_with("bpe:")) return make_bpe(train_bpe(sample_of(texts), std::stoll(name.substr(4))), "trained");
  return load_tokenizer(name, options.pattern);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int bench(const Options& options) {
  std::vector<std::string> texts;
  size_t bytes = 0;
  for (const auto& file : options.files) {
    const auto reader = open_documents(file, "text");
    for (std::string text; reader->next(text); bytes += text.size()) texts.push_back(text);
  }
  const auto opened = std::chrono::steady_clock::now();
  const auto tokenizer = open(options, texts);
  const double open_seconds = seconds_since(opened);
  if (!options.save.empty()) {
    make_dirs(options.save, ErrorCode::data);
    tokenizer->save_hf(options.save);
  }

  std::vector<std::vector<int32_t>> ids(texts.size());
  const auto encoder = tokenizer->make_encoder();
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < texts.size(); ++i) encoder->encode(texts[i], ids[i]);
  const double seconds = seconds_since(begin);

  size_t tokens = 0, decoded = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    tokens += ids[i].size();
    decoded += tokenizer->decode(ids[i]) == texts[i] ? 1 : 0;
  }
  if (!options.ids.empty()) {
    std::ofstream out(options.ids, std::ios::binary);
    for (auto& document : ids) {
      document.insert(document.begin(), static_cast<int32_t>(document.size()));
      out.write(reinterpret_cast<const char*>(document.data()), static_cast<std::streamsize>(document.size() * 4));
    }
  }
  std::printf("%s\n", nlohmann::json{{"case", "tokenize"},
                                     {"tokenizer", options.tokenizer},
                                     {"vocab_size", tokenizer->vocab_size()},
                                     {"documents", texts.size()},
                                     {"decoded_exactly", decoded},
                                     {"bytes", bytes},
                                     {"tokens", tokens},
                                     {"open_seconds", open_seconds},
                                     {"seconds", seconds},
                                     {"mb_per_second", static_cast<double>(bytes) / 1e6 / seconds}}
                          .dump()
                          .c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    if (options.files.empty()) {
      std::fprintf(stderr, "usage: bench_tokenize TOKENIZER [--pattern P] [--save DIR] [--ids FILE] FILE...\n");
      return 2;
    }
    return bench(options);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s (%s)\n", error.place().c_str(), error.message().c_str(), error.hint().c_str());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
