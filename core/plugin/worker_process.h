// A process of the host's own program that runs foreign code in its place, and copies of it.
//
//   host --exec--> worker --fork--> copy --fork--> copy ...
//
// A copy starts with all that its original has in memory, which it shares until one of them writes. Every process ends
// when the host does.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/plugin/worker_messages.h"

namespace espalier::plugin {

class WorkerProcess {
 public:
  struct Settings {
    std::string who;    // the plugin, for messages
    std::string table;  // of the configuration, with the keys isolate and call_timeout
    std::chrono::milliseconds timeout{std::chrono::minutes(5)};
    const std::atomic<bool>* stop = nullptr;  // ends a call early; may be null
  };

  // Runs `<exe> serve`. Throws Error(plugin) when it does not start.
  static std::shared_ptr<WorkerProcess> start(const std::filesystem::path& exe, const Settings& settings);
  // A copy. Throws as call().
  static std::shared_ptr<WorkerProcess> fork(const std::shared_ptr<WorkerProcess>& original);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Sends a request and waits for the reply's payload; one thread at a time, others wait. Throws the worker's Error as
  // it is, and Error(plugin) when the process crashes, exits or does not answer in time; it is then gone for good.
  // `what` names the call, "score()".
  std::string call(Message request, std::string_view payload, const char* what);

 private:
  WorkerProcess(Settings settings, pid_t pid, Channel channel, std::shared_ptr<WorkerProcess> original);
  Channel::Frame exchange(Message request, std::string_view payload, const char* what);
  // Ends and reaps it; how it ended. by_itself: give it a moment before it is killed.
  std::string end(bool by_itself);

  const Settings settings_;
  const pid_t pid_;
  const std::shared_ptr<WorkerProcess> original_;  // null: started by exec
  std::mutex mutex_;                               // guards the rest
  Channel channel_;
  bool gone_ = false;
};

// Reaps a child after sending SIGKILL to `to_kill`, the child or its group; its wait status.
int end_child(pid_t child, pid_t to_kill, bool by_itself);

// The worker's side, `espalier-worker serve`: the standard input is the socket. Answers requests until
// the host closes it; does not return.
[[noreturn]] void run_plugin_worker();

}  // namespace espalier::plugin
