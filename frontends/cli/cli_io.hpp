#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>

#include "config/paths.hpp"

namespace agent_dispatch {

/// What a command has of the world: so that a test can give it another. Outlives the command.
struct cli_io {
  std::ostream& out;                ///< answers
  std::ostream& err;                ///< faults and notes
  bool colour = false;              ///< of `out`, see `wants_colour`
  environment_lookup environment;   ///< of whoever typed the command
  std::filesystem::path directory;  ///< working directory, absolute
  std::filesystem::path executable; ///< of this program, absolute: for whoever shall start it later
  /// How many columns the terminal has, now, that `err` is. Empty: it is none.
  std::function<std::size_t()> terminal_columns{};
  bool note_colour = false; ///< of `err`, see `wants_colour`
};

/// Colour is for a terminal alone, if TERM says that it can do more than print, and for nobody who set NO_COLOR to
/// anything.
bool wants_colour(int descriptor, const environment_lookup& environment);

/// The exit codes of the interface.
enum exit_code : int { exit_success = 0, exit_failure = 1, exit_usage = 2 };

/// A command with its options, ready to run. Returns the exit code.
using cli_command = std::function<int(cli_io&)>;

} // namespace agent_dispatch
