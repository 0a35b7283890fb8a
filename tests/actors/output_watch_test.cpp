#include <catch2/catch.hpp>

#include "actors/io/io_thread.hpp"
#include "actors/io/output_watch.hpp"
#include "actors/run/run_handles.hpp"
#include "tests/support/no_descriptors.hpp"

using namespace agent_dispatch;

TEST_CASE("a run is watched also when no descriptor is left") {
  io_thread io;
  output_watcher watcher{io.context()};
  io.stop(); // nothing is to be read here
  const auto handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{});
  const no_descriptors shortage;
  CHECK_NOTHROW(watcher.watch(handles, run_actor{}));
}
