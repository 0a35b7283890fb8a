#include "actors/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <mutex>
#include <vector>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "actors/run/unique_fd.hpp"
#include "config/own_file.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch::log {

namespace {

/// A line's text with `?` for control characters: a name with a newline in it begins no line of its own.
class printable_text : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& into) override {
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char del = 0x7f;
    for (const char c : line.payload) {
      const auto byte = static_cast<unsigned char>(c);
      into.push_back(byte < first_printable || byte == del ? '?' : c);
    }
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<printable_text>(); }
};

std::unique_ptr<spdlog::formatter> line_format() {
  auto format = std::make_unique<spdlog::pattern_formatter>();
  format->add_flag<printable_text>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e %L %*");
  return format;
}

unique_fd open_file(const std::filesystem::path& file) {
  // O_NONBLOCK: a FIFO in its place does not hold us up.
  return unique_fd{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600)};
}

struct opened_log {
  unique_fd file;
  std::size_t size = 0; ///< bytes that are in it
};

/// Makes the file, or sees that it is ours.
expected<opened_log> open_own(const std::filesystem::path& file) {
  auto opened = open_file(file);
  struct stat status {};
  const int error = opened && ::fstat(opened.get(), &status) == 0 ? 0 : errno;
  if (const auto why = error == 0 ? why_not_own_file(status) : why_not_opened(error); !why.empty())
    return foreign_file(file, why);
  if (error != 0)
    return io_failure("opening the log", file.native(), error);
  if (status.st_nlink == 1) {
    ::fchmod(opened.get(), 0600);
    return opened_log{std::move(opened), static_cast<std::size_t>(status.st_size)};
  }
  ::unlink(file.c_str()); // under its other name it is, perhaps, somebody's copy
  opened = open_file(file);
  if (!opened)
    return io_failure("opening the log", file.native(), errno);
  return opened_log{std::move(opened), 0};
}

/// Not spdlog's own, which sleeps and throws away lines where a file cannot be renamed, and buffers what a kill then
/// takes.
class rotating_file final : public spdlog::sinks::base_sink<std::mutex> {
public:
  rotating_file(std::filesystem::path path, unique_fd file, std::size_t size)
      : path_{std::move(path)}, file_{std::move(file)}, size_{size} {}

private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    if (size_ + text.size() > limits::log_bytes && size_ > 0)
      rotate();
    if (is_torn_)
      std::ignore = ::write(file_.get(), "\n", 1);
    const auto count = ::write(file_.get(), text.data(), text.size());
    is_torn_ = count > 0 && static_cast<std::size_t>(count) < text.size();
    size_ += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  void flush_() override {}

  std::string old(std::size_t number) const {
    auto name = path_;
    if (number > 0)
      name.replace_extension("." + std::to_string(number) + path_.extension().native());
    return name.native();
  }

  void rotate() {
    for (auto number = limits::old_logs; number > 0; --number)
      if (::rename(old(number - 1).c_str(), old(number).c_str()) != 0 && number == 1)
        ::ftruncate(file_.get(), 0); // it cannot be put aside, and must not grow for ever
    if (auto next = open_file(path_))
      file_ = std::move(next);
    size_ = 0;
  }

  std::filesystem::path path_;
  unique_fd file_;
  std::size_t size_;     ///< bytes in the file
  bool is_torn_ = false; ///< its last line is not whole
};

/// stderr belongs to others, a terminal or a pipe: it is not made non-blocking, but written to only while there is
/// room.
class patient_stderr final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    // A pipe that is writable takes PIPE_BUF bytes without blocking.
    if (::poll(&room, 1, 0) == 1)
      std::ignore = ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
  }
  void flush_() override {}
};

struct named_level {
  std::string_view name;
  spdlog::level::level_enum level;
};

constexpr std::array levels{named_level{"debug", spdlog::level::debug}, named_level{"info", spdlog::level::info},
                            named_level{"warn", spdlog::level::warn}, named_level{"error", spdlog::level::err}};

} // namespace

expected<spdlog::level::level_enum> parse_level(std::string_view text) {
  for (const auto& each : levels)
    if (each.name == text)
      return each.level;
  return failure(fault_kind::invalid_argument, "the log level is '" + std::string{text} +
                                                   "', and it must be debug, info, warn or error; set it so: export "
                                                   "AGENT_DISPATCH_LOG_LEVEL=info");
}

expected<void> open(const std::filesystem::path& file, bool also_stderr, spdlog::level::level_enum level) {
  auto opened = open_own(file);
  if (!opened)
    return tl::unexpected(opened.error());
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<rotating_file>(file, std::move(opened->file), opened->size)};
    if (also_stderr)
      sinks.push_back(std::make_shared<patient_stderr>());
    auto logger = std::make_shared<spdlog::logger>("supervisor", sinks.begin(), sinks.end());
    logger->set_formatter(line_format());
    logger->set_level(level);
    logger->set_error_handler([](const std::string&) {}); // a line that cannot be written is lost
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& problem) {
    return failure(fault_kind::io, problem.what());
  }
  return {};
}

} // namespace agent_dispatch::log
