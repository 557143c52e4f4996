// bench_sampler [FOLDER]: what the sampler costs. Samples a second, that is the cell, block, document and offset of
// each without its tokens, for a few cells, for 8 tiers of 100 sources, and for 10,000 sources; and start time, memory
// and restoring for 5 million documents. One line of JSON a case. FOLDER (default: a temporary one) takes 300 MB.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>

#include "core/base/json.h"
#include "core/base/rng.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/stream/token_stream.h"
#include "support/temp_dir.h"

using namespace espalier;
using nlohmann::json;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Resident memory of this process that is not mapped from files, in bytes.
double anonymous_bytes() {
  ::malloc_trim(0);  // what earlier cases have freed
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "RssAnon:") {
      double kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  return 0;
}

// Documents of 1 to 2 * mean - 1 tokens.
void write_shard(const std::filesystem::path& stem, uint64_t documents, uint64_t mean) {
  const Rng rng(documents, "bench.sampler");
  TokenShardWriter writer(stem, 257);
  const std::vector<int32_t> ids(2 * mean, 7);
  for (uint64_t d = 0; d < documents; ++d) writer.append(std::span(ids).first(1 + rng.below(2 * mean - 1, d)));
  writer.finish();
}

// The same shard under `sources` names, each with its own order.
PreparedData make_data(const std::filesystem::path& stem, size_t sources, size_t tiers) {
  PreparedData data;
  data.tiers.resize(tiers);
  data.eos = 256;
  for (size_t s = 0; s < sources; ++s) {
    data.sources.push_back({"s" + std::to_string(s),
                            0.1 + Rng(s, "bench.weight").uniform(0),
                            ExhaustedPolicy::repeat,
                            TokenShard::open(stem.string() + ".bin", data.eos),
                            {},
                            {},
                            {},
                            "key",
                            {}});
    auto& source = data.sources.back();
    source.tiers.resize(source.train.num_documents());
    const Rng rng(s, "bench.tiers");
    for (size_t d = 0; d < source.tiers.size(); ++d) source.tiers[d] = static_cast<uint8_t>(rng.below(tiers, d));
  }
  return data;
}

StreamOptions options_of(Packing packing) {
  StreamOptions options;
  options.seed = 1;
  options.seq_len = 1024;
  options.packing = packing;
  return options;
}

void rate(const char* name, const PreparedData& data, Packing packing) {
  TokenStream stream(data, options_of(packing));
  std::vector<RowOrigin> rows(4096);
  for (int i = 0; i < 20; ++i) stream.locate(rows);  // every cell's epoch is there
  std::vector<double> rates;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) stream.locate(rows);
    rates.push_back(100.0 * static_cast<double>(rows.size()) / seconds_since(begin));
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%s\n", json{{"case", name},
                           {"packing", packing == Packing::concat ? "concat" : "best-fit"},
                           {"samples_per_s", rates[3]},
                           {"samples_per_s_min", rates.front()},
                           {"samples_per_s_max", rates.back()}}
                          .dump()
                          .c_str());
}

void many_documents(const std::filesystem::path& stem, uint64_t documents, Packing packing) {
  const double before = anonymous_bytes();
  auto begin = std::chrono::steady_clock::now();
  const PreparedData data = make_data(stem, 1, 8);
  const double open_seconds = seconds_since(begin), with_data = anonymous_bytes();
  begin = std::chrono::steady_clock::now();
  TokenStream stream(data, options_of(packing));
  std::vector<RowOrigin> rows(64);
  stream.locate(rows);
  const double start_seconds = seconds_since(begin);
  for (int i = 0; i < 1000; ++i) stream.locate(rows);
  StreamState far = stream.state();
  for (auto& drawn : far.drawn) drawn += 1'000'000'000 / far.drawn.size();
  far.index = 1'000'000'000;
  begin = std::chrono::steady_clock::now();
  stream.restore(far);
  const double restore_seconds = seconds_since(begin);
  stream.locate(rows);
  const double with_two_epochs = anonymous_bytes(), first_seconds = seconds_since(begin);
  const auto count = static_cast<double>(documents);
  std::printf("%s\n", json{{"case", "many-documents"},
                           {"packing", packing == Packing::concat ? "concat" : "best-fit"},
                           {"documents", documents},
                           {"open_s", open_seconds},
                           {"start_s", start_seconds},
                           {"restore_at_1e9_s", restore_seconds},
                           {"restore_at_1e9_to_first_batch_s", first_seconds},
                           {"shard_bytes_per_document", (with_data - before) / count},
                           {"bytes_per_document", (with_two_epochs - before) / count}}
                          .dump()
                          .c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const TempDir temporary;
    const std::filesystem::path dir = argc > 1 ? argv[1] : temporary.path();
    const uint64_t many = 5'000'000;
    write_shard(dir / "many", many, 20);
    write_shard(dir / "large", 1'000'000, 100);
    write_shard(dir / "small", 8000, 400);
    write_shard(dir / "tiny", 20, 400);
    for (const Packing packing : {Packing::concat, Packing::best_fit}) {
      many_documents(dir / "many", many, packing);
      rate("4-sources-of-1e6-documents", make_data(dir / "large", 4, 1), packing);
      rate("100-sources-8-tiers", make_data(dir / "small", 100, 8), packing);
      rate("10000-sources", make_data(dir / "tiny", 10000, 1), packing);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
