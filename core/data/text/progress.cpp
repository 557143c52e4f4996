#include "core/data/text/progress.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/base/text.h"

namespace espalier {
namespace {

constexpr std::chrono::seconds kFirstLine{3}, kInterval{10};

}  // namespace

Progress::Progress(std::string what, uint64_t total, uint64_t done)
    : what_(std::move(what)), total_(total), first_(done), start_(Clock::now()), next_(start_ + kFirstLine) {}

void Progress::update(uint64_t done, uint64_t text) {
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto here = static_cast<double>(std::max<uint64_t>(done, first_ + 1) - first_);
  const double left = seconds * static_cast<double>(total_ - std::min(done, total_)) / here;
  log_info("{}: {:.1f} % of {}B, {:.1f} MB/s of text, {} left", what_,
           100.0 * static_cast<double>(std::min(done, total_)) / static_cast<double>(std::max<uint64_t>(total_, 1)),
           human_count(static_cast<double>(total_)), static_cast<double>(text) / seconds / 1e6, human_seconds(left));
}

}  // namespace espalier
