// A line now and then about long work: how far, how fast, how long still. Reads a clock for the log only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace espalier {

class Progress {
 public:
  // `what` begins each line; `total` bytes of input, of which `done` were dealt with by an earlier process.
  Progress(std::string what, uint64_t total, uint64_t done);
  // Logs when it is time: "tokenizing web: 12.4 % of 5.24GB, 18.2 MB/s of text, 3m20s left". `done` of the input,
  // `text` bytes of text since the start of this process.
  void update(uint64_t done, uint64_t text);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  uint64_t total_, first_;
  Clock::time_point start_, next_;
};

}  // namespace espalier
