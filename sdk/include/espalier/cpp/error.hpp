// The one exception type of the authoring layer. It never leaves the plugin: the edge turns it into a status.
#pragma once

#include <espalier/abi.h>
#include <espalier/cpp/text.hpp>

#include <stdexcept>
#include <string>

namespace espalier::sdk {

/// Why a call fails: a status code of abi.h and a sentence that a user can act on.
class Error : public std::runtime_error {
 public:
  Error(esp_status code, const std::string& message) : std::runtime_error(message), code_(code) {}
  esp_status code() const { return code_; }

 private:
  esp_status code_;
};

/// A value that cannot be right, whatever the state: throw invalid("block_size ", b, " does not divide ", n).
template <class... Parts>
Error invalid(const Parts&... parts) {
  return Error(ESP_INVALID_ARGUMENT, cat(parts...));
}

/// The call came too early, or the run lacks what it needs.
template <class... Parts>
Error failed_precondition(const Parts&... parts) {
  return Error(ESP_FAILED_PRECONDITION, cat(parts...));
}

/// Something that this host or this plugin does not have.
template <class... Parts>
Error unimplemented(const Parts&... parts) {
  return Error(ESP_UNIMPLEMENTED, cat(parts...));
}

/// Saved state that is truncated or damaged.
template <class... Parts>
Error data_loss(const Parts&... parts) {
  return Error(ESP_DATA_LOSS, cat(parts...));
}

}  // namespace espalier::sdk
