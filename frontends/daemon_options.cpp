#include "frontends/daemon_options.hpp"

#include <array>
#include <charconv>

namespace agent_dispatch {

namespace {

struct life_word {
  supervisor_life life;
  std::string_view word;
};

constexpr std::array life_words{life_word{supervisor_life::detached, "detached"},
                                life_word{supervisor_life::foreground, "foreground"},
                                life_word{supervisor_life::embedded, "embedded"}};

tl::unexpected<fault> misused(std::string_view argument) {
  return failure(fault_kind::invalid_argument,
                 "agent-dispatchd is started by agent-dispatch and does not know '" + std::string{argument} +
                     "'; to run a supervisor in the foreground: agent-dispatch supervise");
}

} // namespace

std::vector<std::string> daemon_arguments(const daemon_options& options) {
  std::string life;
  for (const auto& entry : life_words)
    if (entry.life == options.life)
      life = entry.word;
  return {"--config",    options.where.config.native(),
          "--jobs",      options.where.jobs.native(),
          "--state",     options.where.state.native(),
          "--socket",    options.where.socket.native(),
          "--home",      options.home.native(),
          "--life",      life,
          "--lifeline",  std::to_string(options.lifeline),
          "--listening", std::to_string(options.listening),
          "--notify",    options.notify_socket,
          "--log-level", options.log_level};
}

expected<daemon_options> parse_daemon_arguments(const std::vector<std::string>& arguments) {
  daemon_options options;
  if (arguments.empty() || arguments.size() % 2 != 0)
    return misused(arguments.empty() ? "" : arguments.back());
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const auto& name = arguments[i];
    const auto& value = arguments[i + 1];
    if (name == "--config") {
      options.where.config = value;
    } else if (name == "--jobs") {
      options.where.jobs = value;
    } else if (name == "--state") {
      options.where.state = value;
    } else if (name == "--socket") {
      options.where.socket = value;
    } else if (name == "--home") {
      options.home = value;
    } else if (name == "--notify") {
      options.notify_socket = value;
    } else if (name == "--log-level") {
      options.log_level = value;
    } else if (name == "--lifeline" || name == "--listening") {
      const auto* end = value.data() + value.size();
      const auto [stop, problem] =
          std::from_chars(value.data(), end, name == "--lifeline" ? options.lifeline : options.listening);
      if (problem != std::errc{} || stop != end)
        return misused(value);
    } else if (name == "--life") {
      const auto* known = life_words.begin();
      while (known != life_words.end() && known->word != value)
        ++known;
      if (known == life_words.end())
        return misused(value);
      options.life = known->life;
    } else {
      return misused(name);
    }
  }
  for (const auto* path : {&options.where.config, &options.where.jobs, &options.where.state, &options.where.socket})
    if (!path->is_absolute())
      return misused(path->native());
  return options;
}

} // namespace agent_dispatch
