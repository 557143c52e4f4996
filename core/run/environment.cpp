#include "core/run/environment.h"

#include <ATen/Version.h>
#include <espalier/abi.h>
#include <sys/utsname.h>
#include <torch/headeronly/version.h>

#include <cstdlib>

#include "core/base/json.h"
#include "core/base/json_object.h"

namespace espalier {

const char* version() {
  return ESPALIER_VERSION;
}

std::string environment_json(const DeviceInfo& device, const std::vector<std::string>& argv) {
  struct utsname system {};
  ::uname(&system);
  const auto variable = [](const char* name) {
    return std::string(std::getenv(name) == nullptr ? "" : std::getenv(name));
  };
  const nlohmann::json out = {{"espalier", version()},
                              {"plugin_abi", std::to_string(ESP_ABI_MAJOR) + "." + std::to_string(ESP_ABI_MINOR)},
                              {"libtorch", TORCH_VERSION},
                              {"compiler", __VERSION__},
                              {"device", device.name},
                              {"threads", device.threads},
                              {"cpu_capability", at::get_cpu_capability()},
                              {"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
                              {"environment",
                               {{"OMP_NUM_THREADS", variable("OMP_NUM_THREADS")},
                                {"ATEN_CPU_CAPABILITY", variable("ATEN_CPU_CAPABILITY")},
                                {"CUDA_VISIBLE_DEVICES", variable("CUDA_VISIBLE_DEVICES")}}},
                              {"argv", argv}};
  return dump_json(out, 2) + "\n";
}

}  // namespace espalier
