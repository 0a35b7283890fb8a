#pragma once

#include <asio/io_context.hpp>

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Follows the stdout of live runs and waits for the end of their keepers, on the I/O thread.
///
/// stdout is a file: it is looked at every `limits::output_poll`, and once more when the keeper is gone. A keeper is
/// gone when nobody reads its control FIFO any more, which the kernel tells by an error condition on the writing end;
/// that holds for keepers that another supervisor started, too.
class output_watcher final : public run_watcher {
public:
  explicit output_watcher(asio::io_context& io) : io_{io} {}

  std::shared_ptr<run_watch> watch(std::shared_ptr<run_handles> handles, const run_actor& actor) override;

private:
  asio::io_context& io_;
};

} // namespace agent_dispatch
