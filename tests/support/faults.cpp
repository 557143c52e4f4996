#include "support/faults.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

namespace espalier {
namespace {

struct Rule : FaultRule {
  const Fault* owner;
  std::string name;
  int left;
  Fault::On on;
  int skip, met = 0;
};

std::vector<Rule>& rules() {
  static std::vector<Rule> all;
  return all;
}

}  // namespace

const FaultRule* fault_for(const char* name, int fd) {
  struct stat info {};
  for (Rule& rule : rules()) {
    if (rule.name != name || rule.left == 0) continue;
    if (rule.on == Fault::On::folders && (::fstat(fd, &info) != 0 || !S_ISDIR(info.st_mode))) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    if (rule.left > 0) --rule.left;
    ++rule.met;
    return &rule;
  }
  return nullptr;
}

Fault::Fault(const char* name, int error, int count, On on, int skip) {
  rules().push_back({{error}, this, name, count, on, skip});
}

Fault::~Fault() {
  std::erase_if(rules(), [this](const Rule& rule) { return rule.owner == this; });
}

int Fault::met() const {
  const auto own = [this](const Rule& rule) { return rule.owner == this; };
  return std::find_if(rules().begin(), rules().end(), own)->met;
}

}  // namespace espalier
