#include "frontends/client/connector.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>

namespace agent_dispatch {

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

} // namespace agent_dispatch
