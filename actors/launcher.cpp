#include "actors/launcher.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "actors/log.hpp"
#include "actors/logic/child_environment.hpp"
#include "actors/logic/command_line.hpp"
#include "actors/logic/prompt.hpp"
#include "actors/run/open_lock.hpp"
#include "actors/run/run_handles.hpp"
#include "messages/json.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// How often runs are looked at whose keepers still end them.
constexpr std::chrono::milliseconds clear_again{200};
/// A keeper takes 4 s for its signals and at most 5 s for its sweep: after 15 s it is not going to.
constexpr int most_looks = 75;

launch_result not_started(launch_problem problem, std::string reason) { return {nullptr, problem, std::move(reason)}; }

/// run.json: what a later supervisor must know. Never the environment.
std::string run_record(const run_spec& spec, const std::string& owner) {
  ordered_json json;
  json["format"] = run_format;
  json["owner"] = owner;
  json["run"] = spec.key.value;
  json["agent"] = spec.agent.name.value;
  json["session_id"] = spec.session.value;
  json["resumed"] = spec.resumed;
  json["timeout_seconds"] = spec.timeout.count();
  json["depth"] = spec.depth;
  json["parent"] = spec.parent ? ordered_json(spec.parent->value) : ordered_json(nullptr);
  return dump(json) + "\n";
}

} // namespace

fs::path launcher_state::directory_of(const run_key& run, attempt which) const {
  return where.runs() / (which == attempt::first ? run.value : run.value + ".again");
}

launch_result launcher_state::launch(const launch_run& order) {
  const auto& spec = *order.spec;
  const auto& caller = *spec.caller;
  const auto start = spec.resumed ? session_start::resumed : session_start::fresh;
  auto command = build_command_line(spec.agent, {spec.session, start},
                                    order.which == attempt::first ? session_flag::pass : session_flag::omit);
  if (!command)
    return not_started(launch_problem::refused, command.error().message);
  std::error_code ignored;
  if (!fs::is_directory(spec.agent.directory, ignored))
    return not_started(launch_problem::directory_missing, spec.agent.directory.native() + " is not a directory");
  const auto path = find_variable(caller.environment, "PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  auto program = find_program(command->front(), path, caller.directory);
  if (!program)
    return not_started(launch_problem::cli_missing, program.error().message);
  launch_order to_keeper;
  to_keeper.run = spec.key;
  to_keeper.program = program->native();
  to_keeper.argv = std::move(*command);
  to_keeper.environment = build_child_environment(caller.environment, caller.depth, spec.key);
  to_keeper.directory = spec.agent.directory.native();
  to_keeper.umask = caller.umask;
  for (const auto& limit : caller.limits)
    to_keeper.limits.push_back({limit.resource, limit.soft, limit.hard});
  to_keeper.deadline = spec.timeout;
  auto launched = agent_dispatch::launch(*keeper, directory_of(spec.key, order.which), to_keeper,
                                         build_prompt(spec.request), run_record(spec, owner));
  if (!launched)
    return not_started(launch_problem::system, launched.error().message);
  return {std::make_shared<run_handles>(std::move(launched->control), std::move(launched->output)),
          launch_problem::none,
          {}};
}

exit_report launcher_state::read(const read_exit& order) const {
  const auto directory = directory_of(order.run, order.which);
  return {read_exit_record(directory), read_stderr(directory).value_or("")};
}

void launcher_state::discard(const run_key& run) {
  move_to_trash(directory_of(run, attempt::first));
  move_to_trash(directory_of(run, attempt::without_session_id));
}

void launcher_state::move_to_trash(const fs::path& directory) {
  std::error_code problem;
  const auto grave = where.trash() / (directory.filename().native() + "." + std::to_string(::getpid()) + "." +
                                      std::to_string(++trashed));
  fs::rename(directory, grave, problem);
  if (problem == std::errc::no_such_file_or_directory)
    return;
  if (!problem)
    fs::remove_all(grave, problem);
  if (problem)
    log::warn("removing {}: {}", directory.native(), problem.message());
}

bool launcher_state::is_alive(const frontend_id& frontend) const {
  const auto file = where.frontends() / frontend.value;
  const unique_fd fd{::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd)
    return errno != ENOENT;
  // Taken, not only looked at: a frontend that comes up just now must not lock a file that is removed under it.
  if (try_lock(fd.get()) != lock_state::free)
    return true;
  ::unlink(file.c_str());
  return false;
}

void launcher_state::find_left_over() {
  std::error_code problem;
  for (fs::directory_iterator entry{where.runs(), problem}, end; !problem && entry != end; entry.increment(problem))
    left_over.push_back(entry->path());
  for (fs::directory_iterator entry{where.trash(), problem}, end; !problem && entry != end; entry.increment(problem)) {
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
  std::vector<frontend_id> frontends;
  for (fs::directory_iterator entry{where.frontends(), problem}, end; !problem && entry != end;
       entry.increment(problem))
    frontends.push_back({entry->path().filename().native()});
  for (const auto& frontend : frontends)
    is_alive(frontend);
}

void launcher_state::clear_left_over() {
  if (!std::exchange(looked_for_left_over, true))
    find_left_over();
  std::erase_if(left_over, [this](const fs::path& directory) { return clear(directory); });
  if (!left_over.empty() && ++looks < most_looks) {
    self->delayed_send(self, clear_again, clear_left_over_runs{});
    return;
  }
  // A keeper that does not end its run (stopped, say) keeps nobody waiting: what belongs to the run is ended by its
  // mark.
  for (const auto& directory : left_over) {
    sweep_by_mark(run_key{directory.filename().native()});
    log::warn("run {}: its keeper does not end it; left where it is", directory.filename().native());
  }
  left_over.clear();
  for (auto& promise : finishing)
    promise.deliver(true);
  finishing.clear();
}

caf::result<bool> launcher_state::finish() {
  if (left_over.empty())
    return true;
  finishing.push_back(self->make_response_promise<bool>());
  return finishing.back();
}

bool launcher_state::clear(const fs::path& directory) {
  if (is_keeper_alive(directory)) {
    const auto run = adopt(directory);
    if (run && run->control)
      std::ignore = send_cancel(run->control.get()); // told again on the next look
    return false;
  }
  log::info("run {}: left by a supervisor that died; removed", directory.filename().native());
  sweep_by_mark(run_key{directory.filename().native()});
  move_to_trash(directory);
  return true;
}

launcher_actor::behavior_type launcher(launcher_actor::stateful_pointer<launcher_state> self, places where,
                                       std::string owner, std::shared_ptr<const keeper_program> keeper) {
  auto& state = self->state;
  state.where = std::move(where);
  state.owner = std::move(owner);
  state.keeper = std::move(keeper);
  return {
      [&state](const launch_run& order) { return state.launch(order); },
      [&state](const read_exit& order) { return state.read(order); },
      [](const sweep_run& order) { return sweep_by_mark(order.run); },
      [&state](const discard_run& order) { state.discard(order.run); },
      [&state](const is_frontend_alive& order) { return state.is_alive(order.frontend); },
      [&state](const finish_discarding&) { return state.finish(); },
      [&state](const clear_left_over_runs&) { state.clear_left_over(); },
  };
}

} // namespace agent_dispatch
