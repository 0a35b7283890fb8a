#include "frontends/client/connector.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// Blocks all signals of this thread, and of those that it starts meanwhile.
class signals_blocked {
public:
  signals_blocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

private:
  sigset_t before_{};
};

} // namespace

struct connector::shared {
  explicit shared(link_request what) : request{std::move(what)} {}

  void attempt() { end(connect_supervisor(request)); }

  void end(expected<supervisor_link> link) {
    const std::lock_guard lock{mutex};
    result.emplace(std::move(link));
    // Cannot fail: the counter is far from its end.
    std::ignore = ::eventfd_write(ended.get(), 1);
  }

  const link_request request;
  const unique_fd ended{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  std::optional<expected<supervisor_link>> result; ///< guarded by `mutex`
};

connector::connector(link_request request) : shared_{std::make_shared<shared>(std::move(request))} {}

void connector::start() {
  if (std::exchange(busy_, true))
    return;
  const signals_blocked blocked;
  try {
    std::thread{[shared = shared_] { shared->attempt(); }}.detach();
  } catch (const std::system_error& problem) {
    shared_->end(io_failure("starting a thread for", "the connection to the supervisor", problem.code().value()));
  }
}

int connector::descriptor() const { return shared_->ended.get(); }

std::optional<expected<supervisor_link>> connector::take() {
  const std::lock_guard lock{shared_->mutex};
  if (!shared_->result)
    return std::nullopt;
  eventfd_t count = 0;
  std::ignore = ::eventfd_read(shared_->ended.get(), &count);
  busy_ = false;
  return std::exchange(shared_->result, std::nullopt);
}

int milliseconds_until(clock::time_point time) {
  constexpr std::int64_t longest = 3'600'000;
  return static_cast<int>(
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(time - clock::now()).count(), 0, longest));
}

expected<supervisor_link> connect_supervisor(const link_request& request, const ticker& tick) {
  if (!tick)
    return connect_supervisor(request);
  connector attempt{request};
  attempt.start();
  for (auto next = tick();;) {
    pollfd waiting{attempt.descriptor(), POLLIN, 0};
    std::ignore = ::poll(&waiting, 1, milliseconds_until(next));
    if (auto link = attempt.take())
      return std::move(*link);
    if (clock::now() >= next)
      next = tick();
  }
}

} // namespace agent_dispatch
