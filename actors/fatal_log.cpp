#include "actors/fatal_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstring>
#include <exception>

#include "actors/last_words.hpp"
#include "actors/log.hpp"

namespace agent_dispatch::log {

namespace {

struct fatal_signal {
  int number;
  std::string_view line;
};

constexpr std::array fatal_signals{
    fatal_signal{SIGABRT, "E the supervisor is ended by SIGABRT; its runs go on, and the next one takes them over\n"},
    fatal_signal{SIGSEGV, "E the supervisor is ended by SIGSEGV; its runs go on, and the next one takes them over\n"},
    fatal_signal{SIGBUS, "E the supervisor is ended by SIGBUS; its runs go on, and the next one takes them over\n"},
    fatal_signal{SIGFPE, "E the supervisor is ended by SIGFPE; its runs go on, and the next one takes them over\n"},
    fatal_signal{SIGILL, "E the supervisor is ended by SIGILL; its runs go on, and the next one takes them over\n"}};

/// For a signal handler: written once, before there is a second thread.
std::array<char, PATH_MAX> log_path{};

/// Only what a signal handler may do: open, write, raise.
void write_last_line(int number) {
  const int file = ::open(log_path.data(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  for (const auto& each : fatal_signals)
    if (each.number == number && file >= 0)
      std::ignore = ::write(file, each.line.data(), each.line.size());
  ::raise(number); // by its default now (SA_RESETHAND)
}

[[noreturn]] void end_after_exception() {
  error("the supervisor ends: {}; its runs go on, and the next one takes them over", text_of(std::current_exception()));
  ::_exit(exit_software);
}

} // namespace

void tell_fatal_ends(const std::filesystem::path& file) {
  if (file.native().size() < log_path.size())
    std::memcpy(log_path.data(), file.c_str(), file.native().size() + 1);
  std::set_terminate(end_after_exception);
  for (const auto& each : fatal_signals) {
    struct sigaction before {};
    ::sigaction(each.number, nullptr, &before);
    if (before.sa_handler != SIG_DFL)
      continue; // a sanitizer's
    struct sigaction action {};
    action.sa_handler = write_last_line;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_NODEFER;
    ::sigaction(each.number, &action, nullptr);
  }
}

} // namespace agent_dispatch::log
