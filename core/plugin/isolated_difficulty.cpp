#include "core/plugin/isolated_difficulty.h"

#include <mutex>

#include "core/plugin/difficulty_messages.h"
#include "core/plugin/worker_process.h"

namespace espalier::plugin {
namespace {

using Process = std::shared_ptr<WorkerProcess>;

class IsolatedDifficulty : public DifficultyScorer {
 public:
  // `pristine`: a process with the scorer made and nothing else, which stays so.
  IsolatedDifficulty(Process pristine, ScorerAnswer about) : pristine_(std::move(pristine)), about_(std::move(about)) {}

  bool needs_tokens() const override { return about_.needs_tokens; }
  bool needs_fit() const override { return about_.needs_fit; }
  std::string fingerprint() const override { return about_.fingerprint; }
  std::string name() const override { return about_.identity.id; }
  std::vector<std::string> inputs() const override { return about_.inputs; }
  bool concurrent() const override { return about_.concurrent; }
  bool mergeable() const override { return about_.mergeable; }
  bool concurrent_parts() const override { return true; }
  std::unique_ptr<DifficultyScorer> another() override {
    return std::make_unique<IsolatedDifficulty>(pristine_, about_);
  }

  void fit_batch(const DocBatch& docs) override {
    if (needs_fit()) fitted()->call(Message::fit_batch, write_docs(docs), "fit_batch()");
  }
  void fit_end() override {
    if (needs_fit()) fitted()->call(Message::fit_end, {}, "fit_end()");
  }
  std::string fit_state() const override {
    return (fitted_ ? fitted_ : pristine_)->call(Message::fit_state, {}, "save()");
  }
  void fit_merge(const std::string& state) override { fitted()->call(Message::fit_merge, state, "fit_merge()"); }

  std::vector<float> score(const DocBatch& docs) override {
    if (docs.count() == 0) return {};
    const Process process = take();
    const std::string reply = process->call(Message::score, write_docs(docs), "score()");
    give_back(process);
    return MessageReader(reply).items<float>();
  }

 private:
  const Process& fitted() {
    if (!fitted_) fitted_ = WorkerProcess::fork(pristine_);
    const std::lock_guard lock(mutex_);
    idle_.clear();  // copies of what was fitted so far
    return fitted_;
  }

  // A copy that no other thread uses.
  Process take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return WorkerProcess::fork(fitted_ ? fitted_ : pristine_);
    Process process = std::move(idle_.back());
    idle_.pop_back();
    return process;
  }
  void give_back(const Process& process) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(process);
  }

  const Process pristine_;
  const ScorerAnswer about_;
  Process fitted_;  // a copy that has seen documents; null: none yet
  std::mutex mutex_;
  std::vector<Process> idle_;
};

}  // namespace

DifficultyPlugin make_isolated_difficulty(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                                          std::chrono::milliseconds timeout) {
  const Listing& listing = registry.resolve(Kind::difficulty, choice.plugin, choice.place);
  const CreateRequest request = create_request(listing, choice, setup);
  const auto process = WorkerProcess::start(registry.exe(), {listing.info.id, "difficulty", timeout, setup.stop});
  ScorerAnswer answer = ScorerAnswer::read(process->call(Message::create, request.write(), "create()"));
  PluginIdentity identity = answer.identity;
  return {std::make_unique<IsolatedDifficulty>(process, std::move(answer)), std::move(identity)};
}

}  // namespace espalier::plugin
