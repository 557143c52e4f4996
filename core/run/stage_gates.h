// What the data of each growth stage was like, reported when the stage ends, and bounds that stop the run there.
#pragma once

#include <map>
#include <string>

#include "core/data/stream/config.h"
#include "core/data/stream/data_loader.h"
#include "core/data/stream/stage_quality.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Sees every row that is trained on, as text between end-of-text tokens. One thread.
class StageGates {
 public:
  // `tokenizer` must outlive it. Throws Error(data) for an unreadable list of words.
  StageGates(QualityConfig config, const Tokenizer& tokenizer);

  void add(const TokenBatch& batch);
  // What was seen since the last call.
  StageReport finish_stage() { return quality_.finish_stage(); }
  // For a checkpoint, so that a stage is judged by all of its data. Logs a restart of the counts where the list of
  // words has changed.
  std::string save_state() const { return quality_.save_state(); }
  void load_state(const std::string& bytes);
  // Which bound the report passes: a sentence with the key at fault; empty where none.
  struct Passed {
    std::string key, message;
  };
  Passed passed(const StageReport& report) const;

  static std::string describe(const StageReport& report);
  static std::map<std::string, double> metrics(const StageReport& report);

 private:
  QualityConfig config_;
  const Tokenizer& tokenizer_;
  StageQuality quality_;
};

}  // namespace espalier
