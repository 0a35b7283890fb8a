#include "actors/death_point.hpp"

#ifdef AGENT_DISPATCH_DEATH_POINTS

#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>

#include "config/read_file.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t longest_order = 100;

/// The state directory.
std::filesystem::path& order_directory() {
  static std::filesystem::path path;
  return path;
}

/// What the file orders; "" when it orders nothing.
std::string read_order(const char* name) {
  if (order_directory().empty())
    return {};
  const auto order = read_file(order_directory() / name, longest_order);
  return order ? order->bytes : std::string{};
}

} // namespace

void enable_death_points(const std::filesystem::path& state) { order_directory() = state; }

void death_point(std::string_view name) {
  if (read_order("die-at") != name)
    return;
  ::unlink((order_directory() / "die-at").c_str());
  ::kill(::getpid(), SIGKILL);
}

void crash_point(std::string_view name) {
  const auto order = read_order("crash-at");
  const bool always = order == std::string{name} + " always";
  if (order != name && !always)
    return;
  if (!always)
    ::unlink((order_directory() / "crash-at").c_str());
  throw std::runtime_error{"a test wants " + std::string{name} + " to die"};
}

} // namespace agent_dispatch

#endif
