#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

#include <sys/stat.h>

#include "config/load.hpp"
#include "frontends/cli/config_commands.hpp"
#include "tests/config/temporary_directory.hpp"

namespace agent_dispatch {

/// A home with a `bin` that is all of PATH, and what a command printed last.
class shell {
public:
  shell() { std::filesystem::create_directories(home_.path() / "bin"); }

  /// Parses and runs `agent-dispatch WORDS…`. What does not parse is exit code 2.
  int run(std::vector<std::string> words) {
    out_.str("");
    err_.str("");
    CLI::App app;
    cli_command chosen;
    register_config_commands(app, chosen);
    app.require_subcommand(1);
    std::reverse(words.begin(), words.end());
    try {
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      err_ << error.what();
      return exit_usage;
    }
    cli_io io{out_,
              err_,
              colour,
              environment_of({"HOME=" + home_.path().string(), "PATH=" + (home_.path() / "bin").string()}),
              home_.path() / "projects",
              "/opt/it's here/agent-dispatch"};
    return chosen(io);
  }

  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  ordered_json json() const { return ordered_json::parse(out_.str()); }

  const temporary_directory& home() const { return home_; }
  config_paths paths() const {
    const auto directory = home_.path() / ".config/agent-dispatch";
    return {home_.path(), directory / "agents.yaml", directory / "jobs"};
  }
  configuration config() const {
    const auto loaded = load_configuration(paths());
    REQUIRE(loaded);
    return loaded->value;
  }
  void write_config(std::string_view text) { home_.write(".config/agent-dispatch/agents.yaml", text); }
  /// Puts a `claude` on PATH that is this shell script.
  void make_claude(std::string_view script) {
    const auto path = home_.write("bin/claude", "#!/bin/sh\n" + std::string{script});
    ::chmod(path.c_str(), 0755);
  }

  bool colour = false;

private:
  temporary_directory home_;
  std::ostringstream out_;
  std::ostringstream err_;
};

} // namespace agent_dispatch
