#include "frontends/cli/caller.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "frontends/cli/private_process.hpp"
#include "messages/dispatch_depth.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

std::vector<caller_limit> limits_of_this_process() {
  std::vector<caller_limit> limits;
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    const bool is_known = ::getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
    if (resource == RLIMIT_CORE)
      limit = inherited().core;
    if (is_known)
      limits.push_back({resource, limit.rlim_cur, limit.rlim_max});
  }
  return limits;
}

link_request make_request(const cli_io& io, frontend_role role, supervisor_kind kind, const config_paths& paths,
                          places where) {
  const bool embedded = kind == supervisor_kind::embedded || io.environment("AGENT_DISPATCH_EMBEDDED") == "1";
  return link_request{
      .where = std::move(where),
      .home = paths.home,
      .hello = {.protocol = protocol_version,
                .version = program_version,
                .role = role,
                .frontend = {make_uuid()},
                .caller = std::make_shared<const caller_context>(this_caller())},
      .missing = embedded ? when_missing::start_embedded : when_missing::start,
      .log_level = io.environment(log_level_variable).value_or(""),
      .warn = [](std::string_view sentence) { std::cerr << "agent-dispatch: " << sentence << '\n'; },
  };
}

} // namespace

caller_context this_caller() {
  caller_context caller;
  for (char** variable = environ; *variable != nullptr; ++variable)
    caller.environment.emplace_back(*variable);
  std::error_code problem;
  caller.directory = std::filesystem::current_path(problem);
  if (problem)
    caller.directory = "/";
  caller.umask = inherited().umask;
  caller.limits = limits_of_this_process();
  const auto environment = process_environment();
  caller.depth = dispatch_depth(environment(depth_variable).value_or(""));
  if (const auto run = environment(run_variable); run && is_run_key(*run))
    caller.parent = run_key{*run};
  return caller;
}

expected<link_request> make_link_request(const cli_io& io, frontend_role role, supervisor_kind kind) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return tl::unexpected(paths.error());
  auto where = find_places(paths->config, paths->jobs, io.environment);
  if (!where)
    return tl::unexpected(where.error());
  return make_request(io, role, kind, *paths, std::move(*where));
}

expected<link_request> make_server_request(const cli_io& io, supervisor_kind kind) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return tl::unexpected(paths.error());
  auto find = [config = paths->config, jobs = paths->jobs, environment = io.environment] {
    return find_places(config, jobs, environment);
  };
  auto where = find();
  auto request = make_request(io, frontend_role::mcp, kind, *paths, where ? *where : places{});
  if (!where)
    request.find_where = std::move(find);
  return request;
}

expected<std::optional<supervisor_link>> connect_if_running(cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return tl::unexpected(paths.error());
  std::error_code ignored;
  if (!std::filesystem::exists(paths->jobs, ignored))
    return std::nullopt;
  auto request = make_link_request(io, frontend_role::cli, supervisor_kind::shared);
  if (!request)
    return tl::unexpected(request.error());
  request->missing = when_missing::fail;
  auto link = connect_supervisor(*request);
  if (!link && link.error().kind == fault_kind::supervisor_missing)
    return std::nullopt;
  if (!link)
    return tl::unexpected(link.error());
  return std::optional<supervisor_link>{std::move(*link)};
}

} // namespace agent_dispatch
