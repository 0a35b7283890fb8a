#include "frontends/cli/doctor_command.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "frontends/cli/config_text.hpp"
#include "frontends/cli/doctor/checks.hpp"
#include "frontends/cli/doctor/gather.hpp"
#include "frontends/cli/doctor/text.hpp"

namespace agent_dispatch {

namespace {

using doctor::finding;
using doctor::finding_status;
using doctor::findings;

std::size_t count(const findings& found, finding_status status) {
  return static_cast<std::size_t>(std::ranges::count(found, status, &finding::status));
}

std::string mark(const cli_io& io, finding_status status) {
  switch (status) {
  case finding_status::ok:
    return painted(io, colour::green, "OK  ");
  case finding_status::warning:
    return painted(io, colour::yellow, "WARN");
  case finding_status::failure:
    return painted(io, colour::red, "FAIL");
  }
  return {};
}

void print_findings(cli_io& io, const findings& found) {
  for (const auto& one : found) {
    io.out << mark(io, one.status) << "  " << painted(io, colour::bold, one.check) << ": " << printable(one.message)
           << '\n';
    // Alone on its line and indented by blanks only, so that it can be copied as it is.
    if (!one.remedy.empty())
      io.out << "      " << printable(one.remedy) << '\n';
  }
}

void print_summary(cli_io& io, const findings& found) {
  const auto failures = count(found, finding_status::failure);
  const auto warnings = count(found, finding_status::warning);
  if (failures + warnings == 0)
    io.out << painted(io, colour::green, doctor::text::all_passed) << '\n';
  else
    io.out << doctor::text::summary(failures, warnings) << '\n';
}

} // namespace

ordered_json findings_json(const findings& found) {
  ordered_json json;
  json["checks"] = ordered_json::array();
  for (const auto& one : found) {
    ordered_json check;
    check["check"] = one.check;
    check["status"] = doctor::to_string(one.status);
    check["message"] = one.message;
    if (!one.remedy.empty())
      check["remedy"] = one.remedy;
    json["checks"].push_back(std::move(check));
  }
  json["summary"] = {{"ok", count(found, finding_status::ok)},
                     {"warnings", count(found, finding_status::warning)},
                     {"failures", count(found, finding_status::failure)}};
  return json;
}

int run_doctor(const doctor_options& options, cli_io& io) {
  const auto found = doctor::examine(doctor::gather(io));
  if (options.format == output_format::json) {
    print_json(io, findings_json(found));
  } else {
    print_findings(io, found);
    print_summary(io, found);
  }
  return count(found, finding_status::failure) > 0 ? exit_failure : exit_success;
}

void register_doctor_command(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<doctor_options>();
  auto& command = *app.add_subcommand("doctor", std::string{doctor::text::help});
  command.add_flag_callback(
      "--json", [options] { options->format = output_format::json; }, std::string{config_text::json_help});
  command.callback([&chosen, options] { chosen = [options](cli_io& io) { return run_doctor(*options, io); }; });
}

} // namespace agent_dispatch
