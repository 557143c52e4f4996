#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "core/plugin/decision_messages.h"
#include "core/plugin/difficulty_adapter.h"
#include "core/plugin/difficulty_messages.h"
#include "core/plugin/growth_adapter.h"
#include "core/plugin/schedule_adapter.h"
#include "core/plugin/worker_process.h"

namespace espalier::plugin {
namespace {

constexpr auto kForever = Channel::Deadline::max();

class Worker {
 public:
  explicit Worker(int fd) : channel_(fd) {}

  [[noreturn]] void serve() {
    for (Channel::Frame request; channel_.receive(request, kForever, nullptr) == Channel::Outcome::done;) {
      try {
        answer(request);
      } catch (const Error& error) {
        MessageWriter out;
        out.value(error.code());
        for (const std::string& text : {error.message(), error.place(), error.hint()}) out.text(text);
        reply(Message::error, out.bytes());
      } catch (const std::exception& error) {
        MessageWriter out;
        out.value(ErrorCode::internal);
        for (const std::string& text : {std::string(error.what()), std::string(), std::string()}) out.text(text);
        reply(Message::error, out.bytes());
      }
    }
    ::_exit(0);  // the host is gone, or needs this process no more
  }

 private:
  void reply(Message kind, const std::string& payload, int fd = -1) {
    if (channel_.send(kind, payload, kForever, nullptr, fd) != Channel::Outcome::done) ::_exit(0);
  }

  void answer(const Channel::Frame& request) {
    const std::string& payload = request.payload;
    if (request.kind == Message::create) return create(CreateRequest::read(payload));
    if (request.kind == Message::fork) return copy();
    if (request.kind == Message::wait) {
      MessageReader in(payload);
      const auto child = in.value<pid_t>();
      MessageWriter out;
      out.value(end_child(child, child, in.value<bool>()));
      return reply(Message::ok, out.bytes());
    }
    if (scorer_ != nullptr) return answer_scorer(request.kind, payload);
    if (strategy_ != nullptr) return answer_strategy(request.kind, payload);
    if (schedule_ != nullptr) return answer_schedule(request.kind, payload);
    throw unknown();
  }

  static Error unknown() { return {ErrorCode::internal, "a request that this worker does not know"}; }

  void create(const CreateRequest& request) {
    registry_ = std::make_unique<Registry>(request.library, request.sha256);
    PluginSetup setup;
    setup.seed = request.seed;
    setup.run = request.run;
    if (request.kind == Kind::difficulty) return create_scorer(request.choice, setup);
    if (request.kind == Kind::growth) return create_strategy(request.choice, setup);
    create_schedule(request, setup);
  }

  void create_scorer(const PluginChoice& choice, const PluginSetup& setup) {
    auto made = make_difficulty(*registry_, choice, setup);
    scorer_ = std::move(made.scorer);
    const ScorerAnswer about{std::move(made.identity), scorer_->fingerprint(), scorer_->needs_tokens(),
                             scorer_->needs_fit(),     scorer_->concurrent(),  scorer_->mergeable(),
                             scorer_->inputs()};
    reply(Message::ok, about.write());
  }
  void create_strategy(const PluginChoice& choice, const PluginSetup& setup) {
    auto made = make_growth(*registry_, choice, setup);
    strategy_ = std::move(made.strategy);
    const StrategyAnswer about{std::move(made.identity), strategy_->shapes_steps(), strategy_->claims_preserving(),
                               strategy_->preserve_tol()};
    reply(Message::ok, about.write());
  }
  void create_schedule(const CreateRequest& request, const PluginSetup& setup) {
    ScheduleAnswer about;
    try {
      auto made = make_schedule(*registry_, request.choice, setup, request.keys, request.start);
      schedule_ = std::move(made.schedule);
      about.identity = std::move(made.identity);
    } catch (const KeysRefused& error) {
      about = {{}, error.message(), error.place(), error.hint()};
    }
    reply(Message::ok, about.write());
  }

  void answer_scorer(Message kind, const std::string& payload) {
    switch (kind) {
      case Message::fit_batch:
        scorer_->fit_batch(OwnedDocs(payload).batch());
        return reply(Message::ok, {});
      case Message::fit_end:
        scorer_->fit_end();
        return reply(Message::ok, {});
      case Message::fit_state:
        return reply(Message::ok, scorer_->fit_state());
      case Message::fit_merge:
        scorer_->fit_merge(payload);
        return reply(Message::ok, {});
      case Message::score: {
        MessageWriter out;
        const std::vector<float> scores = scorer_->score(OwnedDocs(payload).batch());
        out.items(std::span<const float>(scores));
        return reply(Message::ok, out.bytes());
      }
      default:
        throw unknown();
    }
  }

  void answer_strategy(Message kind, const std::string& payload) {
    MessageReader in(payload);
    switch (kind) {
      case Message::num_stages: {
        MessageWriter out;
        out.value(strategy_->num_stages(in.value<ModelSpec>()));
        return reply(Message::ok, out.bytes());
      }
      case Message::stage_spec: {
        const auto spec = in.value<ModelSpec>();
        return reply(Message::ok, write_stage(strategy_->stage_spec(spec, in.value<int64_t>())));
      }
      case Message::plan: {
        const auto from = in.value<ModelSpec>(), to = in.value<ModelSpec>();
        return reply(Message::ok, growth::canonical_bytes(strategy_->plan(from, to)));
      }
      case Message::step_shape: {
        const auto progress = in.value<Progress>();
        const auto spec = in.value<ModelSpec>();
        StepShape shape = StepShape::everything(spec.num_layers);
        strategy_->fill_step_shape(progress, spec, shape);
        return reply(Message::ok, write_shape(shape));
      }
      case Message::save_state:
        return reply(Message::ok, strategy_->save_state());
      case Message::load_state:
        strategy_->load_state(payload);
        return reply(Message::ok, {});
      default:
        throw unknown();
    }
  }

  void answer_schedule(Message kind, const std::string& payload) {
    MessageReader in(payload);
    switch (kind) {
      case Message::schedule_values: {
        MessageWriter out;
        const std::vector<double> values = schedule_->values(in.value<Progress>());
        out.items(std::span<const double>(values));
        return reply(Message::ok, out.bytes());
      }
      case Message::observe: {
        const auto progress = in.value<Progress>();
        const std::vector<std::string> names = read_texts(in);
        schedule_->observe(progress, names, in.items<double>());
        return reply(Message::ok, {});
      }
      case Message::save_state:
        return reply(Message::ok, schedule_->save_state());
      case Message::load_state:
        schedule_->load_state(payload);
        return reply(Message::ok, {});
      default:
        throw unknown();
    }
  }

  // The copy goes on in serve() with a socket of its own; only the original answers.
  void copy() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw Error(ErrorCode::internal, fmt::format("cannot make a socket: {}", ::strerror(errno)));
    Channel hosts(ends[0]), own(ends[1]);
    const pid_t child = ::fork();
    if (child < 0)
      throw Error(ErrorCode::internal, fmt::format("no further process can be made: {}", ::strerror(errno)));
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      channel_ = std::move(own);
      return;
    }
    MessageWriter out;
    out.value(child);
    reply(Message::ok, out.bytes(), hosts.fd());
  }

  Channel channel_;
  std::unique_ptr<Registry> registry_;
  // One of them, once it is made.
  std::unique_ptr<DifficultyScorer> scorer_;
  std::unique_ptr<growth::Strategy> strategy_;
  std::unique_ptr<Schedule> schedule_;
};

}  // namespace

void run_plugin_worker() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int socket = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  const int nowhere = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (socket < 0 || nowhere < 0 || ::dup2(nowhere, STDIN_FILENO) < 0) ::_exit(1);
  Worker(socket).serve();
}

}  // namespace espalier::plugin
