#include "core/plugin/isolated_schedule.h"

#include <fmt/format.h>

#include "core/plugin/decision_messages.h"
#include "core/plugin/worker_process.h"

namespace espalier::plugin {
namespace {

class IsolatedSchedule : public Schedule {
 public:
  IsolatedSchedule(std::shared_ptr<WorkerProcess> process, std::string id, std::vector<std::string> keys,
                   int64_t num_stages)
      : process_(std::move(process)), id_(std::move(id)), keys_(std::move(keys)), num_stages_(num_stages) {}

  std::vector<double> values(const Progress& progress) override {
    MessageWriter out;
    out.value(progress);
    const std::string reply = process_->call(Message::schedule_values, out.bytes(), "value()");
    std::vector<double> answers = MessageReader(reply).items<double>();
    // Checked by the worker too, but the plugin may write over all that is there.
    const std::string problem = answers.size() == keys_.size()
                                    ? problem_of(answers, keys_, num_stages_, progress.step)
                                    : fmt::format("value() gave {} values, not {}", answers.size(), keys_.size());
    if (!problem.empty()) throw Error(ErrorCode::plugin, problem, id_);
    return answers;
  }

  void observe(const Progress& progress, const std::vector<std::string>& names,
               const std::vector<double>& metrics) override {
    MessageWriter out;
    out.value(progress);
    write_texts(out, names);
    out.items(std::span<const double>(metrics));
    process_->call(Message::observe, out.bytes(), "observe()");
  }

  std::string save_state() override { return process_->call(Message::save_state, {}, "save()"); }
  void load_state(const std::string& bytes) override { process_->call(Message::load_state, bytes, "load()"); }

 private:
  const std::shared_ptr<WorkerProcess> process_;
  const std::string id_;
  const std::vector<std::string> keys_;
  const int64_t num_stages_;
};

}  // namespace

SchedulePlugin make_isolated_schedule(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                                      const std::vector<std::string>& keys, const Progress& start) {
  const Listing& listing = registry.resolve(Kind::schedule, choice.plugin, choice.place);
  CreateRequest request = create_request(listing, choice, setup);
  request.keys = keys;
  request.start = start;
  // A stop of the run is no reason to end a call: what is asked then is the state to save.
  const auto process = WorkerProcess::start(registry.exe(), {listing.info.id, "plugins", *setup.isolate});
  const std::string what = fmt::format("create() or bind({})", fmt::join(keys, ", "));
  const ScheduleAnswer answer = ScheduleAnswer::read(process->call(Message::create, request.write(), what.c_str()));
  if (answer.identity.id.empty()) throw KeysRefused(ErrorCode::config, answer.message, answer.place, answer.hint);
  return {std::make_unique<IsolatedSchedule>(process, answer.identity.id, keys, start.num_stages), answer.identity};
}

}  // namespace espalier::plugin
