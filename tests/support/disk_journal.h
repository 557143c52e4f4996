// What was asked of a disk, in order, and what may be found on it after a power cut.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace espalier {

// A folder and everything below it: paths and what is in the files; folders end with '/'.
using DiskTree = std::map<std::string, std::string>;

DiskTree tree_of(const std::filesystem::path& folder);
// Makes the folder hold just that.
void put_tree(const std::filesystem::path& folder, const DiskTree& tree);

// A file or folder, by number; the folder itself is 0.
using DiskNode = int;
constexpr DiskNode kNoNode = -1;

// A name in a folder, and what it leads to from now on.
struct DiskName {
  DiskNode folder = kNoNode;
  std::string name;
  DiskNode node = kNoNode;  // kNoNode: the name is gone
};

struct DiskCall {
  enum class Kind {
    names,     // what names lead to: made, renamed, removed, all of one call at once
    content,   // `bytes` at `at`
    size,      // cut or extended to `at` bytes
    sync,      // of the file or folder `node`
    no_change  // of interest only as a call that may fail
  };
  Kind kind = Kind::no_change;
  std::string text;  // for people
  std::vector<DiskName> names{};
  DiskNode node = kNoNode;
  size_t at = 0;
  std::string bytes{};
};

struct DiskJournal {
  struct Node {
    bool folder = false;
    std::string content;  // when the journal began; all of that is sure
  };
  std::vector<Node> nodes;
  std::vector<DiskName> names;  // likewise
  std::vector<DiskCall> calls;

  // The whole journal carried out.
  DiskTree result() const;
};

// Calls `found` with trees that a power cut after the first `n` calls may leave. What was synced is sure: the content
// of a file with the file, a name with its folder. Of the rest,
// - the names: all, none, all but one (and those that build on it), one alone (and those it builds on);
// - what is in files: all, nothing, the first half, zeros of the right length;
// in every combination. The first tree is that in which everything survived, as after the end of the process alone.
// Trees may come twice. `found` gets words for what is special about the tree.
using FoundTree = std::function<void(const DiskTree& tree, const std::string& what)>;
void trees_after_power_cut(const DiskJournal& journal, size_t n, const FoundTree& found);

}  // namespace espalier
