// A worker's first request, and what plugins of every kind say of themselves in answer.
#pragma once

#include <string>
#include <vector>

#include "core/growth/strategy.h"
#include "core/plugin/instance.h"
#include "core/plugin/worker_messages.h"

namespace espalier::plugin {

// Which plugin of which library, with which parameters.
struct CreateRequest {
  Kind kind = Kind::difficulty;
  std::string library, sha256;
  PluginChoice choice;
  uint64_t seed = 0;
  RunLength run;
  std::vector<std::string> keys;  // of a schedule
  Progress start;                 // of a schedule

  std::string write() const;
  static CreateRequest read(const std::string& payload);
};

// For the library and the id that the choice means.
CreateRequest create_request(const Listing& listing, const PluginChoice& choice, const PluginSetup& setup);

void write_identity(MessageWriter& out, const PluginIdentity& identity);
PluginIdentity read_identity(MessageReader& in);
void write_texts(MessageWriter& out, const std::vector<std::string>& texts);
std::vector<std::string> read_texts(MessageReader& in);

}  // namespace espalier::plugin
