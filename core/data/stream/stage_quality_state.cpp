// What a stage's data was like so far, as bytes of a checkpoint: CBOR, cells and hashes in rising order.
#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/base/json_number.h"
#include "core/data/stream/stage_quality.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr std::array kNumbers{"documents", "bytes", "words", "listed", "emails", "phones"};

json sparse(const std::vector<uint64_t>& cells) {
  json out = json::array();
  for (size_t i = 0; i < cells.size(); ++i)
    if (cells[i] != 0) out.push_back({i, cells[i]});
  return out;
}

void fill(const json& entries, std::vector<uint64_t>& cells) {
  for (const json& entry : entries) cells.at(whole_number<size_t>(entry.at(0))) = whole_number<uint64_t>(entry.at(1));
}

}  // namespace

std::string StageQuality::save_state() const {
  const auto counts = [](const Counts& c) {
    json out = {{"cells", sparse(c.cells)}};
    const uint64_t values[] = {c.documents, c.bytes, c.words, c.listed, c.emails, c.phones};
    for (size_t i = 0; i < kNumbers.size(); ++i) out[kNumbers[i]] = values[i];
    return out;
  };
  std::vector<uint64_t> seen(seen_.begin(), seen_.end());
  std::sort(seen.begin(), seen.end());
  const json state = {{"listed_words", filter_.size()}, {"now", counts(now_)},         {"before", counts(before_)},
                      {"seen", std::move(seen)},        {"sample_mask", sample_mask_}, {"sampled", sampled_},
                      {"repeated", repeated_}};
  std::string bytes;
  json::to_cbor(state, bytes);
  return bytes;
}

bool StageQuality::load_state(const std::string& bytes) {
  try {
    const json state = json::from_cbor(bytes);
    if (whole_number<size_t>(state.at("listed_words")) != filter_.size()) return false;
    const auto counts = [&](const char* key) {
      const json& entry = state.at(key);
      Counts out;
      out.cells.resize(now_.cells.size());
      fill(entry.at("cells"), out.cells);
      uint64_t* values[] = {&out.documents, &out.bytes, &out.words, &out.listed, &out.emails, &out.phones};
      for (size_t i = 0; i < kNumbers.size(); ++i) *values[i] = whole_number<uint64_t>(entry.at(kNumbers[i]));
      return out;
    };
    Counts now = counts("now"), before = counts("before");
    std::vector<uint64_t> seen;
    for (const json& hash : state.at("seen")) seen.push_back(whole_number<uint64_t>(hash));
    const auto sample_mask = whole_number<uint64_t>(state.at("sample_mask"));
    const auto sampled = whole_number<uint64_t>(state.at("sampled"));
    repeated_ = whole_number<uint64_t>(state.at("repeated"));
    sample_mask_ = sample_mask;
    sampled_ = sampled;
    seen_ = {seen.begin(), seen.end()};
    now_ = std::move(now);
    before_ = std::move(before);
    return true;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::checkpoint, std::string("what was counted of the stage's data is damaged: ") + error.what(),
                "espalier/quality.bin");
  }
}

}  // namespace espalier
