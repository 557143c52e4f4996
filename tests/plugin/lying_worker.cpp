// A worker whose answers cannot be, as after a plugin has written over the memory of its process.
#include <unistd.h>

#include <limits>
#include <string_view>

#include "core/plugin/decision_messages.h"
#include "core/plugin/probe.h"
#include "core/plugin/worker_messages.h"

using namespace espalier;
using namespace espalier::plugin;

namespace {

std::string answer(const Channel::Frame& request) {
  MessageWriter out;
  switch (request.kind) {
    case Message::create: {
      const CreateRequest made = CreateRequest::read(request.payload);
      PluginIdentity who;
      who.id = made.choice.plugin;
      return made.kind == Kind::schedule ? ScheduleAnswer{who, "", "", ""}.write()
                                         : StrategyAnswer{who, true, false, 0}.write();
    }
    case Message::schedule_values: {
      const std::vector<double> values{std::numeric_limits<double>::quiet_NaN()};
      out.items(std::span<const double>(values));
      return out.bytes();
    }
    case Message::num_stages:
      out.value<int64_t>(-3);
      return out.bytes();
    case Message::stage_spec: {
      ModelSpec spec;
      spec.num_layers = 1 << 30;
      return write_stage(spec);
    }
    case Message::step_shape:
      return write_shape(StepShape::everything(1000));
    default:
      return "no plan at all";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "probe") return run_plugin_probe(argv[2]);
  Channel channel(STDIN_FILENO);
  for (Channel::Frame request; channel.receive(request, Channel::Deadline::max(), nullptr) == Channel::Outcome::done;)
    channel.send(Message::ok, answer(request), Channel::Deadline::max(), nullptr);
  return 0;
}
