#include "support/disk_journal.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

namespace espalier {

namespace fs = std::filesystem;

namespace {

using NameKey = std::pair<DiskNode, std::string>;
using Names = std::map<NameKey, DiskNode>;
using Contents = std::vector<std::string>;  // one a node

void apply(Names& names, const std::vector<DiskName>& changes) {
  for (const auto& change : changes)
    if (change.node == kNoNode)
      names.erase({change.folder, change.name});
    else
      names[{change.folder, change.name}] = change.node;
}

void apply(std::string& content, const DiskCall& call) {
  if (call.kind == DiskCall::Kind::size) return content.resize(call.at, '\0');
  content.resize(std::max(content.size(), call.at + call.bytes.size()), '\0');
  content.replace(call.at, call.bytes.size(), call.bytes);
}

void add_below(DiskTree& tree, const DiskJournal& journal, const Names& names, const Contents& contents,
               DiskNode folder, const std::string& prefix) {
  for (auto at = names.lower_bound({folder, ""}); at != names.end() && at->first.first == folder; ++at) {
    const std::string path = prefix + at->first.second;
    const auto node = at->second;
    if (!journal.nodes[static_cast<size_t>(node)].folder) {
      tree[path] = contents[static_cast<size_t>(node)];
      continue;
    }
    tree[path + "/"] = "";
    add_below(tree, journal, names, contents, node, path + "/");
  }
}

// The state after some calls, with what of it is sure.
struct Replayed {
  struct Change {
    const DiskCall* call;
    std::set<DiskNode> unsynced;  // folders that must still be synced before it is sure; none: it is
  };
  std::vector<Change> changes;
  Contents now, synced;
};

Replayed replay(const DiskJournal& journal, size_t n) {
  Replayed out;
  for (const auto& node : journal.nodes) out.now.push_back(node.content);
  out.synced = out.now;
  for (size_t i = 0; i < n; ++i) {
    const DiskCall& call = journal.calls[i];
    const auto node = static_cast<size_t>(call.node);
    if (call.kind == DiskCall::Kind::names) {
      out.changes.push_back({&call, {}});
      for (const auto& name : call.names) out.changes.back().unsynced.insert(name.folder);
    } else if (call.kind == DiskCall::Kind::sync) {
      out.synced[node] = out.now[node];
      for (auto& change : out.changes) change.unsynced.erase(call.node);
    } else if (call.kind != DiskCall::Kind::no_change) {
      apply(out.now[node], call);
    }
  }
  return out;
}

bool share_a_name(const DiskCall& a, const DiskCall& b) {
  return std::any_of(a.names.begin(), a.names.end(), [&](const DiskName& x) {
    return std::any_of(b.names.begin(), b.names.end(),
                       [&](const DiskName& y) { return x.folder == y.folder && x.name == y.name; });
  });
}

using Chosen = std::vector<bool>;  // one a change: whether it survived

// `change` and whatever of the later (or earlier) ones hangs together with it by the names they share.
std::vector<size_t> chain(const Replayed& state, size_t change, bool later) {
  std::vector<size_t> members{change};
  const auto belongs = [&](size_t i) {
    return std::any_of(members.begin(), members.end(),
                       [&](size_t j) { return share_a_name(*state.changes[i].call, *state.changes[j].call); });
  };
  if (later) {
    for (size_t i = change + 1; i < state.changes.size(); ++i)
      if (belongs(i)) members.push_back(i);
  } else {
    for (size_t i = change; i-- > 0;)
      if (belongs(i)) members.push_back(i);
  }
  return members;
}

std::vector<std::pair<Chosen, std::string>> choices_of_names(const Replayed& state) {
  Chosen all(state.changes.size(), true), sure;
  std::vector<size_t> open;
  for (size_t i = 0; i < state.changes.size(); ++i) {
    sure.push_back(state.changes[i].unsynced.empty());
    if (!sure.back()) open.push_back(i);
  }
  std::vector<std::pair<Chosen, std::string>> out{{all, "all names"}};
  if (open.empty()) return out;
  out.emplace_back(sure, "no unsynced name");
  for (const size_t i : open) {
    Chosen without = all, alone = sure;
    for (const size_t j : chain(state, i, true)) without[j] = sure[j];
    for (const size_t j : chain(state, i, false)) alone[j] = true;
    out.emplace_back(without, "all names but for " + state.changes[i].call->text);
    out.emplace_back(alone, "of the unsynced names only " + state.changes[i].call->text);
  }
  return out;
}

// What survived of a file that was not synced since it changed.
std::string half(const std::string& now, const std::string& synced) {
  const size_t sure = now.starts_with(synced) ? synced.size() : 0;
  return now.substr(0, sure + (now.size() - sure) / 2);
}
std::string zeros(const std::string& now, const std::string& synced) {
  const size_t sure = now.starts_with(synced) ? synced.size() : 0;
  return now.substr(0, sure) + std::string(now.size() - sure, '\0');
}

std::vector<std::pair<Contents, std::string>> choices_of_contents(const Replayed& state) {
  std::vector<std::pair<Contents, std::string>> out{{state.now, "all of the files"}};
  if (state.now == state.synced) return out;
  out.emplace_back(state.synced, "nothing unsynced of the files");
  Contents halves = state.synced, zeroed = state.synced;
  for (size_t i = 0; i < halves.size(); ++i) {
    if (state.now[i] == state.synced[i]) continue;
    halves[i] = half(state.now[i], state.synced[i]);
    zeroed[i] = zeros(state.now[i], state.synced[i]);
  }
  out.emplace_back(halves, "half of the unsynced files");
  out.emplace_back(zeroed, "zeros in the unsynced files");
  return out;
}

}  // namespace

DiskTree tree_of(const fs::path& folder) {
  DiskTree tree;
  const size_t prefix = folder.string().size() + 1;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string().substr(prefix);
    if (entry.is_directory()) {
      tree[path + "/"] = "";
      continue;
    }
    std::ifstream in(entry.path(), std::ios::binary);
    std::string& content = tree[path];
    content.resize(entry.file_size());
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
  }
  return tree;
}

// Only what differs is made anew: most of two trees is the same.
void put_tree(const fs::path& folder, const DiskTree& tree) {
  const DiskTree old = tree_of(folder);
  for (const auto& [path, content] : old)
    if (!tree.contains(path)) fs::remove_all(folder / path.substr(0, path.size() - (path.ends_with('/') ? 1 : 0)));
  for (const auto& [path, content] : tree) {  // a folder comes before what is in it
    if (const auto there = old.find(path); there != old.end() && there->second == content) continue;
    if (path.ends_with('/'))
      fs::create_directory(folder / path.substr(0, path.size() - 1));
    else
      std::ofstream(folder / path, std::ios::binary) << content;
  }
}

DiskTree DiskJournal::result() const {
  DiskTree result;
  const Replayed state = replay(*this, calls.size());
  Names all;
  apply(all, names);
  for (const auto& change : state.changes) apply(all, change.call->names);
  add_below(result, *this, all, state.now, 0, "");
  return result;
}

void trees_after_power_cut(const DiskJournal& journal, size_t n, const FoundTree& found) {
  const Replayed state = replay(journal, n);
  const auto contents = choices_of_contents(state);
  for (const auto& [chosen, which_names] : choices_of_names(state)) {
    Names names;
    apply(names, journal.names);
    for (size_t i = 0; i < chosen.size(); ++i)
      if (chosen[i]) apply(names, state.changes[i].call->names);
    for (const auto& [content, which_content] : contents) {
      DiskTree tree;
      add_below(tree, journal, names, content, 0, "");
      found(tree, which_names + ", " + which_content);
    }
  }
}

}  // namespace espalier
