#include <iostream>

#include "frontends/daemon.hpp"
#include "messages/version.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"--version"}) {
    std::cout << agent_dispatch::program_version << '\n';
    return 0;
  }
  const auto options = agent_dispatch::parse_daemon_arguments(arguments);
  if (!options) {
    std::cerr << options.error().message << '\n';
    return 2;
  }
  return agent_dispatch::run_daemon(*options);
}
