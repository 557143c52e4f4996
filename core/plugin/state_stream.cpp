#include "core/plugin/state_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/error.h"

namespace espalier::plugin {
namespace {

// "ESPS", then state_version and the size of the payload, little-endian.
constexpr char kMagic[4] = {'E', 'S', 'P', 'S'};
constexpr size_t kHeader = sizeof(kMagic) + sizeof(uint32_t) + sizeof(uint64_t);
constexpr size_t kMaxState = size_t{1} << 32;

// The most to move in one call when `moved` bytes are through: few at first, then ever more.
uint64_t piece(size_t moved) {
  return 5 + moved;
}

}  // namespace

int64_t StateWriter::write(void* context, const void* data, uint64_t size) noexcept {
  if (context == nullptr || (data == nullptr && size > 0)) return -1;
  try {
    std::string& payload = static_cast<StateWriter*>(context)->payload_;
    const uint64_t moved = std::min(size, piece(payload.size()));
    if (payload.size() + moved > kMaxState) return -1;
    payload.append(static_cast<const char*>(data), static_cast<size_t>(moved));
    return static_cast<int64_t>(moved);
  } catch (...) {
    return -1;
  }
}

std::string StateWriter::finish() const {
  if (payload_.empty()) return {};
  std::string out(kMagic, sizeof(kMagic));
  for (size_t i = 0; i < sizeof(uint32_t); ++i) out += static_cast<char>(state_version_ >> (8 * i) & 0xFF);
  const uint64_t size = payload_.size();
  for (size_t i = 0; i < sizeof(uint64_t); ++i) out += static_cast<char>(size >> (8 * i) & 0xFF);
  return out + payload_;
}

StateReader::StateReader(const std::string& bytes, uint32_t newest, const std::string& who)
    : bytes_(bytes), state_version_(newest) {
  if (bytes.empty()) return;
  const auto number = [&](size_t at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return value;
  };
  if (bytes.size() <= kHeader || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0 ||
      number(sizeof(kMagic) + sizeof(uint32_t), sizeof(uint64_t)) != bytes.size() - kHeader)
    throw Error(ErrorCode::checkpoint, "the saved state of the plugin is damaged", who);
  state_version_ = static_cast<uint32_t>(number(sizeof(kMagic), sizeof(uint32_t)));
  if (state_version_ > newest)
    throw Error(ErrorCode::plugin,
                fmt::format("the saved state has version {}, this plugin knows up to {}", state_version_, newest), who,
                "use the plugin that wrote it, or a newer one");
  at_ = begin_ = kHeader;
}

int64_t StateReader::read(void* context, void* data, uint64_t size) noexcept {
  if (context == nullptr || (data == nullptr && size > 0)) return -1;
  auto& self = *static_cast<StateReader*>(context);
  const uint64_t left = self.bytes_.size() - self.at_;
  const uint64_t moved = std::min({size, left, piece(self.at_ - self.begin_)});
  std::memcpy(data, self.bytes_.data() + self.at_, static_cast<size_t>(moved));
  self.at_ += static_cast<size_t>(moved);
  return static_cast<int64_t>(moved);
}

}  // namespace espalier::plugin
