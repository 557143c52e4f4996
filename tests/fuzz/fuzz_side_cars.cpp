// Files of the cache beside a shard: the first byte chooses one, the rest is its contents. Scores have a .json, too.
#include "core/base/checksum.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/data/difficulty/npy.h"
#include "core/data/difficulty/side_car.h"
#include "core/data/shards/shard_manifest.h"
#include "core/data/shards/shard_sums.h"
#include "fuzz/input.h"

using namespace espalier;

namespace {

// A seal cannot be guessed; what is behind it is to be looked at, too.
std::string sealed_or_not(std::string_view text) {
  const auto object = parse_json_object(text);
  return object ? sealed_json(*object) : std::string(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const auto rest = fuzz::text_of(bytes + 1, size - 1);
  const auto stem = fuzz::scratch() / "s";
  switch (bytes[0] % 5) {
    case 0:
      fuzz::put("s.npy", rest);
      fuzz::survives([&] { read_npy(stem.string() + ".npy"); });
      break;
    case 1: {
      const auto parts = fuzz::parts_of(rest, 2);
      fuzz::put("t.npy", parts[0]);
      fuzz::put("t.npy.json", parts[1]);
      fuzz::survives([&] {
        const auto scores = read_side_car(fuzz::scratch() / "t.npy", {"{\"id\":\"x\"}", "shard", "", {}}, 3);
        fuzz::require(!scores || scores->size() == 3, "every document has a score");
      });
      break;
    }
    case 2:
      fuzz::put("s.json", sealed_or_not(rest));
      fuzz::survives([&] { read_manifest(stem); });
      break;
    case 3:
      fuzz::put("s.part.json", sealed_or_not(rest));
      fuzz::survives([&] { read_partial(stem); });
      break;
    default: {
      std::string sums(rest);
      const uint64_t seal = checksum(sums);
      sums.append(reinterpret_cast<const char*>(&seal), sizeof(seal));
      fuzz::put("s.sums", sums);
      fuzz::survives([&] {
        const auto shards = read_sums(stem, 2);
        fuzz::require(shards.size() == 2, "every shard has sums");
        write_sums(stem, shards);
        fuzz::require(read_sums(stem, 2) == shards, "sums read back as they were written");
      });
    }
  }
  return 0;
}
