// One call from the test's host to a plugin: what fail() said, and the scratch memory it lent.
#pragma once

#include <espalier/abi.h>

#include <memory>
#include <string>
#include <vector>

namespace espalier::sdk_test {

struct CallRecord {
  int num_fails = 0;
  esp_status status = ESP_OK;
  std::string message;
  bool cancelled = false;
  std::vector<std::unique_ptr<char[]>> scratch;

  esp_call* raw() { return reinterpret_cast<esp_call*>(this); }
  static CallRecord& of(esp_call* call) { return *reinterpret_cast<CallRecord*>(call); }
};

}  // namespace espalier::sdk_test
