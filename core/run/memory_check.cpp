#include "core/run/memory_check.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace espalier {

void check_memory(const Timeline& timeline, const DeviceInfo& device) {
  struct sysinfo machine {};
  if (!device.device.is_cpu() || ::sysinfo(&machine) != 0) return;
  constexpr double kBytesAParameter = 12;  // a weight and two moments in fp32
  double needed = 0;
  for (const StageRow& row : timeline.stages)
    needed = std::max(needed, kBytesAParameter * static_cast<double>(row.num_params));
  const double there =
      (static_cast<double>(machine.totalram) + static_cast<double>(machine.totalswap)) * machine.mem_unit;
  if (needed <= there) return;
  throw Error(ErrorCode::config,
              fmt::format("weights and moments of the model take {}B, and this machine has {}B of memory",
                          human_count(needed), human_count(there)),
              "model", "use fewer layers or a smaller width; `espalier plan` shows the memory of each stage");
}

}  // namespace espalier
