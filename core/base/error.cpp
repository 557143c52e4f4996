#include "core/base/error.h"

namespace espalier {
namespace {

std::string render(const std::string& message, const std::string& place, const std::string& hint) {
  std::string text = place.empty() ? message : place + ": " + message;
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

}  // namespace

Error::Error(ErrorCode code, std::string message, std::string place, std::string hint)
    : std::runtime_error(render(message, place, hint)),
      code_(code),
      message_(std::move(message)),
      place_(std::move(place)),
      hint_(std::move(hint)) {}

}  // namespace espalier
