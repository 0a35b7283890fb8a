#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "actors/io/io_thread.hpp"
#include "actors/io/output_watch.hpp"
#include "actors/run/run_handles.hpp"

using namespace agent_dispatch;

namespace {

/// As long as it lives, no descriptor can be opened.
class no_descriptors {
public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a run is watched also when no descriptor is left") {
  io_thread io;
  output_watcher watcher{io.context()};
  io.stop(); // nothing is to be read here
  const auto handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{});
  const no_descriptors shortage;
  CHECK_NOTHROW(watcher.watch(handles, run_actor{}));
}
