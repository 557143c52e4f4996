// The data position in a checkpoint: JSON, then taken up by a stream over two small sources.
#include "core/base/json.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/stream/token_stream.h"
#include "fuzz/input.h"

using namespace espalier;

namespace {

PreparedData small_data() {
  PreparedData data;
  data.eos = 9;
  data.tiers.resize(2);
  for (const char* name : {"a", "b"}) {
    const auto stem = fuzz::scratch() / name;
    TokenShardWriter writer(stem, 10);
    for (int d = 0; d < 12; ++d) writer.append(std::vector<int32_t>(static_cast<size_t>(3 + d), d % 9), 9);
    writer.finish();
    data.sources.push_back(
        {name, 0, ExhaustedPolicy::stop, TokenShard::open(stem.string() + ".bin", 9), {}, {}, {}, name, {}});
    for (int d = 0; d < 12; ++d) data.sources.back().tiers.push_back(static_cast<uint8_t>(d % 2));
  }
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const PreparedData data = small_data();
  const auto json = parse_json_or_nothing(fuzz::text_of(bytes, size));
  if (!json) return 0;
  StreamState state;
  if (!fuzz::survives([&] { state = stream_state_from_json(*json); })) return 0;
  StreamOptions options;
  options.seed = 1;
  options.seq_len = 4;
  options.world_size = 1;
  options.block_tokens = 8;
  TokenStream stream(data, options);
  // The hash of the data cannot be guessed.
  state.data = stream.state().data;
  fuzz::survives([&] {
    stream.restore(state);
    std::vector<int32_t> tokens(15);
    std::vector<RowOrigin> rows(3);
    stream.fill(tokens, rows);
    fuzz::require(to_json(stream.state()).is_object(), "the position can be kept");
  });
  return 0;
}
