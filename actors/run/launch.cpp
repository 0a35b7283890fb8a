#include "actors/run/launch.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/exit_file.hpp"
#include "actors/run/keeper.hpp"

namespace agent_dispatch {

namespace {

/// Of the output, what is allocated before the start: on a disk that fills up meanwhile, an answer of usual size is
/// still written.
constexpr off_t output_reserve = 256 << 10;

/// The new run directory, taken away again unless kept.
class fresh_directory {
public:
  static expected<fresh_directory> make(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) < 0)
      return io_failure("cannot make the run directory", path.string(), errno);
    fresh_directory made{path};
    auto opened = open_run_directory(path.c_str());
    if (!opened)
      return tl::unexpected(opened.error());
    made.fd_ = std::move(*opened);
    return made;
  }
  fresh_directory(fresh_directory&& other) noexcept
      : path_{std::exchange(other.path_, {})}, fd_{std::move(other.fd_)} {}
  fresh_directory(const fresh_directory&) = delete;
  fresh_directory& operator=(const fresh_directory&) = delete;
  fresh_directory& operator=(fresh_directory&&) = delete;
  ~fresh_directory() {
    if (path_.empty())
      return;
    for (const char* name : {run_file::record, run_file::control, run_file::output, run_file::errors, run_file::lock,
                             run_file::exit_draft})
      ::unlinkat(fd_.get(), name, 0);
    ::rmdir(path_.c_str());
  }
  int fd() const { return fd_.get(); }
  unique_fd keep() {
    path_.clear();
    return std::move(fd_);
  }

  expected<unique_fd> create(const char* name, int flags) const {
    unique_fd file = open_run_file(fd_.get(), name, flags | O_CREAT | O_EXCL);
    if (!file)
      return io_failure("cannot create", (path_ / name).string(), errno);
    return file;
  }

  expected<void> write(const char* name, std::string_view content) const {
    const auto file = create(name, O_WRONLY);
    if (!file)
      return tl::unexpected(file.error());
    if (const int error = write_all(file->get(), content); error != 0)
      return io_failure("cannot write", (path_ / name).string(), error);
    return {};
  }

  /// Space for the output and for the end of the run. A full disk refuses the run here, when nothing is paid yet.
  expected<void> reserve() const {
    const unique_fd output = open_run_file(fd_.get(), run_file::output, O_WRONLY);
    if (!output)
      return io_failure("cannot open", (path_ / run_file::output).string(), errno);
    if (::fallocate(output.get(), FALLOC_FL_KEEP_SIZE, 0, output_reserve) < 0 && errno != EOPNOTSUPP)
      return io_failure("cannot reserve space for the output of a run in", path_.string(), errno);
    if (const int error = reserve_exit_file(fd_.get()); error != 0)
      return io_failure("cannot reserve space for the end of a run in", path_.string(), error);
    return {};
  }

  /// Both ends of the FIFO: first the keeper's, so that ours opens without waiting.
  expected<std::pair<unique_fd, unique_fd>> make_control() const {
    if (::mkfifoat(fd_.get(), run_file::control, 0600) < 0)
      return io_failure("cannot make the FIFO", (path_ / run_file::control).string(), errno);
    unique_fd read_end = open_run_file(fd_.get(), run_file::control, O_RDONLY | O_NONBLOCK);
    unique_fd write_end = read_end ? open_run_file(fd_.get(), run_file::control, O_WRONLY | O_NONBLOCK) : unique_fd{};
    if (!write_end)
      return io_failure("cannot open", (path_ / run_file::control).string(), errno);
    return std::pair{std::move(read_end), std::move(write_end)};
  }

private:
  explicit fresh_directory(const std::filesystem::path& path) : path_{path} {}
  std::filesystem::path path_;
  unique_fd fd_;
};

} // namespace

expected<launched_run> launch(const keeper_program& program, const std::filesystem::path& run_directory,
                              const launch_order& order, std::string_view prompt, std::string_view run_json) {
  const auto encoded = encode(order);
  if (!encoded)
    return tl::unexpected(encoded.error());
  auto order_file = hold_in_memory("launch order", *encoded);
  if (!order_file)
    return tl::unexpected(order_file.error());
  auto prompt_file = hold_in_memory("prompt", prompt);
  if (!prompt_file)
    return tl::unexpected(prompt_file.error());
  auto made = fresh_directory::make(run_directory);
  if (!made)
    return tl::unexpected(made.error());
  if (const auto written = made->write(run_file::record, run_json); !written)
    return tl::unexpected(written.error());
  if (const auto errors = made->create(run_file::errors, O_WRONLY | O_APPEND); !errors)
    return tl::unexpected(errors.error());
  auto output = made->create(run_file::output, O_RDONLY);
  if (!output)
    return tl::unexpected(output.error());
  // Made here, where a full disk still refuses the run: a keeper without a lock could not even say why it ends.
  if (const auto lock = made->create(run_file::lock, O_WRONLY); !lock)
    return tl::unexpected(lock.error());
  if (const auto reserved = made->reserve(); !reserved)
    return tl::unexpected(reserved.error());
  auto control = made->make_control();
  if (!control)
    return tl::unexpected(control.error());
  // The names are for people who look at the list of processes.
  const auto keeper =
      program.start({"agent-dispatch-run", order.run.value}, {{prompt_file->get(), keeper_fd::prompt},
                                                              {made->fd(), keeper_fd::directory},
                                                              {order_file->get(), keeper_fd::order},
                                                              {control->first.get(), keeper_fd::control}});
  if (!keeper)
    return tl::unexpected(keeper.error());
  made->keep();
  return launched_run{.control = std::move(control->second), .output = std::move(*output), .keeper = *keeper};
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
  if (!exit)
    return tl::unexpected(exit.error());
  found.exit = *exit;
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
