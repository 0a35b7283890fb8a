#include "actors/io/output_watch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <asio/dispatch.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "actors/exit_report.hpp"
#include "actors/log.hpp"
#include "actors/run/control.hpp"
#include "actors/run/run_handles.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// Bytes of output in one message: large enough to be cheap, small enough that a flood does not pile up.
constexpr std::size_t chunk_bytes = 256u << 10;

/// One watched run. Everything but the constructor and the two public calls runs on the I/O thread.
class watched_run final : public run_watch, public std::enable_shared_from_this<watched_run> {
public:
  watched_run(asio::io_context& io, std::shared_ptr<run_handles> handles, run_actor actor)
      : io_{io}, handles_{std::move(handles)}, actor_{std::move(actor)}, timer_{io}, control_{io} {}

  ~watched_run() override { control_.release(); }

  void begin() {
    if (!handles_->control) {
      gone_ = true;
      look();
      return;
    }
    control_.assign(handles_->control.get());
    await_end();
    await_growth();
  }

  void want_output() override {
    asio::dispatch(io_, [self = shared_from_this()] {
      self->chunk_outstanding_ = false;
      if (self->more_expected_ || self->gone_)
        self->look();
    });
  }

  void cancel() override {
    asio::post(io_, [self = shared_from_this()] {
      if (!self->gone_)
        std::ignore = send_cancel(self->handles_->control.get()); // fails only when the keeper is gone already
    });
  }

private:
  void await_end() {
    control_.async_wait(asio::posix::stream_descriptor::wait_error,
                        [self = shared_from_this()](const asio::error_code& e) {
                          if (e == asio::error::operation_aborted)
                            return;
                          self->gone_ = true;
                          self->timer_.cancel();
                          self->look();
                        });
  }

  void await_growth() {
    timer_.expires_after(limits::output_poll);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& e) {
      if (e || self->gone_)
        return;
      self->look();
      self->await_growth();
    });
  }

  /// Sends the next chunk if there is one and the last has been dealt with; the end right after the last.
  void look() {
    if (chunk_outstanding_ || finished_)
      return;
    auto bytes = read_on();
    if (!bytes.empty()) {
      chunk_outstanding_ = true;
      caf::anon_send(actor_, output_chunk{std::move(bytes)});
    }
    if (gone_ && !more_expected_) {
      finished_ = true;
      control_.release();
      caf::anon_send(actor_, keeper_gone{read_end()});
      actor_ = nullptr;
    }
  }

  /// Two small files in the directory whose output this thread reads: cheaper than waking another thread for them.
  std::shared_ptr<const exit_report> read_end() const {
    if (handles_->directory.empty())
      return nullptr;
    auto report = std::make_shared<const exit_report>(read_exit_report(handles_->directory));
    return report->record ? report : nullptr; // whoever has the patience for a second look is told why
  }

  std::string read_on() {
    struct stat status {};
    more_expected_ = false;
    if (::fstat(handles_->output.get(), &status) != 0 || status.st_size <= offset_)
      return {};
    const auto rest = static_cast<std::size_t>(status.st_size - offset_);
    std::string bytes(std::min(rest, chunk_bytes), '\0');
    const auto count = ::pread(handles_->output.get(), bytes.data(), bytes.size(), offset_);
    if (count <= 0) {
      if (count < 0)
        log::warn("reading a run's output: errno {}", errno);
      return {};
    }
    bytes.resize(static_cast<std::size_t>(count));
    offset_ += count;
    more_expected_ = static_cast<std::size_t>(count) < rest;
    return bytes;
  }

  asio::io_context& io_;
  std::shared_ptr<run_handles> handles_;
  run_actor actor_;
  asio::steady_timer timer_;
  asio::posix::stream_descriptor control_; ///< borrows the descriptor of handles_
  off_t offset_ = 0;
  bool chunk_outstanding_ = false;
  bool more_expected_ = false; ///< the file had more than one chunk when it was read last
  bool gone_ = false;
  bool finished_ = false;
};

} // namespace

std::shared_ptr<run_watch> output_watcher::watch(std::shared_ptr<run_handles> handles, const run_actor& actor) {
  auto run = std::make_shared<watched_run>(io_, std::move(handles), actor);
  asio::post(io_, [run] { run->begin(); });
  return run;
}

} // namespace agent_dispatch
