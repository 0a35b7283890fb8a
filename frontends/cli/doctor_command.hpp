#pragma once

#include <CLI/App.hpp>

#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/doctor/finding.hpp"
#include "frontends/cli/presentation.hpp"

namespace agent_dispatch {

struct doctor_options {
  output_format format = output_format::text;
};

/// `{"checks": [{check, status, message, remedy?}], "summary": {ok, warnings, failures}}`. `remedy` is a command line.
ordered_json findings_json(const doctor::findings& found);

/// Looks at everything and says what is wrong. Exit code 1 when something fails; warnings alone are 0. Starts no
/// supervisor and changes nothing.
int run_doctor(const doctor_options& options, cli_io& io);

/// Declares `doctor`. Parsing it puts what to run into `chosen`, which outlives `app`.
void register_doctor_command(CLI::App& app, cli_command& chosen);

} // namespace agent_dispatch
