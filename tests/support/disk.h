// Exhaustive trials on what is below a folder: the power is cut after each call of an action, and each of its calls
// fails. For test programs that link espalier_test_disk.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "support/disk_journal.h"

namespace espalier {

// A parent for the folder of such a test, in memory where there is one: thousands of trees are made there.
std::filesystem::path parent_for_trials();

struct DiskTrials {
  size_t calls = 0;   // of the action
  size_t trials = 0;  // different trees after power cuts, or failures
};

struct PowerCut {
  bool returned = false;   // the action had returned before: what it promises to keep must be there
  bool all_there = false;  // everything survived, as when only the process was ended
};

// Carries out `action` on what is in `folder`; then for each number n of its calls, none and all included, puts each
// different tree that a power cut after n calls may leave (disk_journal.h) into the folder and calls `check`. Fails the
// test where the folder was changed by calls that are not seen.
DiskTrials try_power_cuts(const std::filesystem::path& folder, const std::function<void()>& action,
                          const std::function<void(const PowerCut&)>& check);

struct DiskAttempt {
  int error = 0;              // errno of the call that failed
  bool from_then_on = false;  // and of all after it
  bool threw = false;         // the action gave an Error
};

// For each n carries out `action` on what is in `folder` with its n-th call failing: EIO and ENOSPC, once and from then
// on, and EINTR once; then calls `check`. ENOSPC of a write comes after half of it. In the end the folder is as the
// last check left it.
DiskTrials try_failures(const std::filesystem::path& folder, const std::function<void()>& action,
                        const std::function<void(const DiskAttempt&)>& check);

}  // namespace espalier
