#include "support/disk.h"

#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "catch.h"
#include "core/base/error.h"
#include "support/disk_recording.h"

namespace espalier {

namespace {

struct NoSyncs {
  NoSyncs() { syncs_are_skipped = true; }
  ~NoSyncs() { syncs_are_skipped = false; }
};

// Names and lengths, for whoever compares two.
std::string words_for(const DiskTree& tree) {
  std::string out;
  for (const auto& [path, content] : tree) out += "  " + path + " " + std::to_string(content.size()) + "\n";
  return out;
}

size_t digest_of(const DiskTree& tree) {
  std::string all;
  for (const auto& [path, content] : tree) all += path + '\0' + std::to_string(content.size()) + '\0' + content;
  return std::hash<std::string>()(all);
}

void check_all_was_seen(const std::filesystem::path& folder, const DiskJournal& journal) {
  const DiskTree real = tree_of(folder), seen = journal.result();
  if (real == seen) return;
  FAIL("calls that are not seen changed the folder; it has\n"
       << words_for(real) << "the journal gives\n"
       << words_for(seen));
}

}  // namespace

std::filesystem::path parent_for_trials() {
  const char* const memory = "/dev/shm";
  return ::access(memory, W_OK | X_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

DiskTrials try_power_cuts(const std::filesystem::path& folder, const std::function<void()>& action,
                          const std::function<void(const PowerCut&)>& check) {
  const NoSyncs no_syncs;
  DiskJournal journal;
  {
    const DiskRecording recording(folder);
    action();
    journal = recording.journal();
  }
  check_all_was_seen(folder, journal);
  DiskTrials trials{journal.calls.size(), 0};
  std::set<size_t> tried, tried_at_end;
  for (size_t n = 0; n <= journal.calls.size(); ++n) {
    const bool returned = n == journal.calls.size();
    bool first = true;
    trees_after_power_cut(journal, n, [&](const DiskTree& tree, const std::string& what) {
      const bool all_there = std::exchange(first, false);
      if (!(returned ? tried_at_end : tried).insert(digest_of(tree)).second) return;
      ++trials.trials;
      put_tree(folder, tree);
      INFO("power cut after call " << n << " of " << journal.calls.size() << " ("
                                   << (n == 0 ? "none" : journal.calls[n - 1].text) << "), with " << what << ":\n"
                                   << words_for(tree));
      check({returned, all_there});
    });
  }
  return trials;
}

DiskTrials try_failures(const std::filesystem::path& folder, const std::function<void()>& action,
                        const std::function<void(const DiskAttempt&)>& check) {
  const NoSyncs no_syncs;
  const DiskTree start = tree_of(folder);
  DiskTrials trials;
  {
    const DiskRecording recording(folder);
    action();
    trials.calls = recording.journal().calls.size();
  }
  for (const auto& [error, from_then_on] :
       {std::pair{EIO, false}, {EIO, true}, {ENOSPC, false}, {ENOSPC, true}, {EINTR, false}})
    for (size_t n = 0;; ++n) {
      put_tree(folder, start);
      DiskAttempt attempt{error, from_then_on, false};
      std::string failed, message;
      size_t calls = 0;
      {
        DiskRecording recording(folder, DiskFailure{n, error, from_then_on});
        try {
          action();
        } catch (const Error& thrown) {
          attempt.threw = true;
          message = thrown.what();
        }
        failed = recording.failed_call();
        calls = recording.calls();
      }
      if (failed.empty() && n >= calls) break;
      if (failed.empty()) continue;  // a call that cannot fail like that
      ++trials.trials;
      INFO("call " << n << " (" << failed << ") fails with errno " << error << (from_then_on ? " from then on" : "")
                   << (attempt.threw ? ": " : ", and no error is told") << message);
      check(attempt);
    }
  return trials;
}

}  // namespace espalier
