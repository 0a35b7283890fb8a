#include "actors/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "actors/run/unique_fd.hpp"
#include "config/own_file.hpp"

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

/// Makes the file, or sees that it is ours.
expected<void> prepare(const std::filesystem::path& file) {
  const auto open_it = [&] {
    return unique_fd{
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600)};
  };
  auto opened = open_it();
  struct stat status {};
  const int error = opened && ::fstat(opened.get(), &status) == 0 ? 0 : errno;
  if (const auto why = error == 0 ? why_not_own_file(status) : why_not_opened(error); !why.empty())
    return foreign_file(file, why);
  if (error != 0)
    return io_failure("opening the log", file.native(), error);
  if (status.st_nlink > 1) { // under its other name it is, perhaps, somebody's copy
    ::unlink(file.c_str());
    if (!open_it())
      return io_failure("opening the log", file.native(), errno);
  }
  return {};
}

} // namespace

expected<void> open(const std::filesystem::path& file, bool also_stderr) {
  if (auto prepared = prepare(file); !prepared)
    return prepared;
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.native())};
    if (also_stderr)
      sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto logger = std::make_shared<spdlog::logger>("supervisor", sinks.begin(), sinks.end());
    logger->set_formatter(line_format());
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& problem) {
    return failure(fault_kind::io, problem.what());
  }
  return {};
}

} // namespace agent_dispatch::log
