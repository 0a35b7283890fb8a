#include "actors/run/launch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/keeper.hpp"

namespace agent_dispatch {

expected<launched_run> launch(const keeper_program& program, const std::filesystem::path& run_directory,
                              const launch_order& order, std::string_view prompt, std::string_view run_json,
                              std::optional<prepared_directory> prepared) {
  const auto encoded = encode(order);
  if (!encoded)
    return tl::unexpected(encoded.error());
  auto order_file = hold_in_memory("launch order", *encoded);
  if (!order_file)
    return tl::unexpected(order_file.error());
  auto prompt_file = hold_in_memory("prompt", prompt);
  if (!prompt_file)
    return tl::unexpected(prompt_file.error());
  if (prepared && !prepared->move_to(run_directory))
    prepared.reset(); // who makes it anew says what is wrong
  auto made = prepared ? std::move(*prepared) : prepared_directory::make(run_directory);
  if (!made)
    return tl::unexpected(made.error());
  if (const auto written = made->write_record(run_json); !written)
    return tl::unexpected(written.error());
  // The names are for people who look at the list of processes.
  const auto keeper = program.start({"agent-dispatch-run", order.run.value}, {{prompt_file->get(), keeper_fd::prompt},
                                                                              {made->fd(), keeper_fd::directory},
                                                                              {order_file->get(), keeper_fd::order},
                                                                              {made->control(), keeper_fd::control}});
  if (!keeper)
    return tl::unexpected(keeper.error());
  auto kept = made->keep();
  return launched_run{.control = std::move(kept.control), .output = std::move(kept.output), .keeper = *keeper};
}

expected<adopted> adopt(const std::filesystem::path& run_directory) {
  const auto directory = open_run_directory(run_directory.c_str());
  if (!directory)
    return tl::unexpected(directory.error());
  adopted found;
  found.output = open_run_file(directory->get(), run_file::output, O_RDONLY | O_NONBLOCK);
  if (!found.output && errno != ENOENT)
    return io_failure("cannot open", (run_directory / run_file::output).string(), errno);
  // Before the lock: a keeper that has claimed the start has had the lock before, so who finds it free then knows that
  // the keeper is dead. In the other order it could take the lock and claim the start in between.
  const auto start = read_start(directory->get());
  if (!start)
    return tl::unexpected(start.error());
  found.start = *start;
  found.alive = is_keeper_alive(directory->get());
  if (found.alive) {
    found.control = open_run_file(directory->get(), run_file::control, O_WRONLY | O_NONBLOCK);
    // Without a reader its keeper has ended since; with one, its end will be reported.
    if (!found.control && errno == ENXIO)
      found.alive = false;
    else if (!found.control)
      return io_failure("cannot open", (run_directory / run_file::control).string(), errno);
  }
  if (found.alive)
    return found;
  // Only now: a keeper writes exit.json before it lets go of the lock.
  auto exit = read_exit_record(run_directory);
  if (exit)
    found.exit = *exit;
  else if (exit.error().kind != fault_kind::protocol)
    return tl::unexpected(exit.error());
  return found;
}

expected<claim> claim_void(const std::filesystem::path& run_directory) {
  const auto directory = open_run_directory(run_directory.c_str());
  if (!directory)
    return tl::unexpected(directory.error());
  return claim_start(directory->get(), started_void);
}

bool is_keeper_alive(const std::filesystem::path& run_directory) {
  const auto directory = open_run_directory(run_directory.c_str());
  if (!directory)
    return ::access(run_directory.c_str(), F_OK) == 0 || errno != ENOENT;
  return is_keeper_alive(directory->get());
}

} // namespace agent_dispatch
