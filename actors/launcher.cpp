#include "actors/launcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>
#include <thread>

#include "actors/death_point.hpp"
#include "actors/exit_report.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/child_environment.hpp"
#include "actors/logic/command_line.hpp"
#include "actors/logic/job_rules.hpp"
#include "actors/logic/prompt.hpp"
#include "actors/run/descriptor_io.hpp"
#include "actors/run/handover.hpp"
#include "actors/run/open_lock.hpp"
#include "actors/run/run_handles.hpp"
#include "actors/run/run_record.hpp"
#include "actors/storage/request_file.hpp"
#include "actors/storage/whole_file.hpp"
#include "config/own_file.hpp"
#include "config/read_file.hpp"
#include "messages/hello.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

/// Without descriptors, say, a live run looks as if it could not be taken over: nobody is answered before it is.
/// Five seconds for all runs together, half of `limits::supervisor_start`.
constexpr int most_tries = 50;
constexpr std::chrono::milliseconds try_again{100};

namespace fs = std::filesystem;

/// How often runs are looked at whose keepers still end them.
constexpr std::chrono::milliseconds clear_again{200};
/// Who has an answer often has the next task too: what is left of the last run makes way for its start. Removing it
/// takes as long as starting a keeper, most of it for giving back the space reserved for its output.
constexpr std::chrono::milliseconds emptying_pause{20};
/// Run directories that are made before they are needed.
constexpr std::size_t most_spares = 2;
/// No more than so many wait: each keeps its reserve.
constexpr std::size_t most_graves = 64;
/// A keeper takes 4 s for its signals and at most 5 s for its sweep: after 15 s it is not going to.
constexpr int most_looks = 75;

launch_result not_started(launch_problem problem, std::string reason) { return {nullptr, problem, std::move(reason)}; }

run_record read_run_record(const fs::path& directory) {
  const auto text = read_file(directory / run_file::record, limits::partial_text_bytes);
  return text ? decode_run_record(text->bytes) : run_record{};
}

/// False for what somebody else has put there: it is neither swept nor removed, and takes no slot.
bool is_own_run_directory(const fs::path& entry) {
  struct stat status {};
  return is_run_key(entry.filename().native()) && ::lstat(entry.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid();
}

/// The same of what lies among the locks of frontends.
bool is_lock_of_frontend(const fs::path& entry) {
  struct stat status {};
  return is_uuid(entry.filename().native()) && ::lstat(entry.c_str(), &status) == 0 && why_not_own_file(status).empty();
}

/// True when the run has a keeper, which is told to end it; again on the next look.
bool tell_to_end(const fs::path& directory) {
  if (!is_keeper_alive(directory))
    return false;
  const auto run = adopt(directory);
  if (run && run->control)
    std::ignore = send_cancel(run->control.get());
  return true;
}

/// What can be said of a live run whose record is of a newer format: it is there, and perhaps whose it is.
run_spec_ptr read_occupant(const fs::path& directory) {
  auto spec = std::make_shared<run_spec>();
  spec->key = {directory.filename().native()};
  spec->agent.name = read_run_record(directory).agent.value_or(agent_name{"?"});
  return spec;
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
  // Whether the agent's directory is there is found out by who goes there: a look may hang, and this actor serves all.
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
  to_keeper.written = spec.job ? durability::disk : durability::page_cache;
  death_point("before the keeper is started");
  crash_point("launcher");
  const auto prompt = build_prompt(spec.request, spec.shared_context);
  const auto record = encode_run_record(spec, owner, order.borrowed_from);
  const auto directory = directory_of(spec.key, order.which);
  auto launched = agent_dispatch::launch(*keeper, directory, to_keeper, prompt, record, take_spare());
  // What lies ready, and what is not removed yet, may have what it wants: space, descriptors.
  if (!launched && give_up_reserves())
    launched = agent_dispatch::launch(*keeper, directory, to_keeper, prompt, record);
  self->send(self, agent_dispatch::prepare_run{});
  death_point("after the keeper is started");
  if (!launched)
    return not_started(launch_problem::system, launched.error().message);
  return {std::make_shared<run_handles>(std::move(launched->control), std::move(launched->output), directory),
          launch_problem::none,
          {}};
}

std::optional<prepared_directory> launcher_state::take_spare() {
  if (spares.empty())
    return std::nullopt;
  auto spare = std::move(spares.back());
  spares.pop_back();
  return spare;
}

bool launcher_state::give_up_reserves() {
  const bool had_some = !spares.empty() || !graves.empty();
  spares.clear();
  while (!graves.empty())
    empty_next_grave();
  return had_some;
}

void launcher_state::prepare() {
  if (spares.size() >= most_spares)
    return;
  auto made =
      prepared_directory::make(where.spares() / (std::to_string(::getpid()) + "." + std::to_string(++prepared)));
  if (!made)
    return log::debug("{}", made.error().message); // who needs one makes it, and says so
  spares.push_back(std::move(*made));
  self->send(self, agent_dispatch::prepare_run{}); // until there are enough; what came meanwhile goes first
}

exit_report launcher_state::read(const read_exit& order) const {
  return read_exit_report(directory_of(order.run, order.which));
}

void launcher_state::discard(const run_key& run) {
  if (left_alone.contains(run))
    return;
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
  if (problem)
    return log::warn("removing {}: {}", directory.native(), problem.message());
  graves.push_back(grave);
  if (graves.size() > most_graves)
    empty_next_grave();
  if (!std::exchange(is_emptying, true))
    self->delayed_send(self, emptying_pause, agent_dispatch::empty_trash{});
}

void launcher_state::empty_next_grave() {
  if (const auto removed = remove_run_directory(graves.front()); !removed)
    log::warn("{}", removed.error().message);
  graves.pop_front();
}

/// One at a time, so that a start waits for one at most.
void launcher_state::empty_trash() {
  if (!graves.empty())
    empty_next_grave();
  is_emptying = !graves.empty();
  if (is_emptying)
    self->send(self, agent_dispatch::empty_trash{});
}

bool launcher_state::is_alive(const frontend_id& frontend) const {
  const auto file = where.frontends() / frontend.value;
  const unique_fd fd{::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd)
    return errno != ENOENT;
  // Taken, not only looked at: a frontend that comes up just now must not lock a file that is removed under it.
  if (try_lock(fd.get()) != lock_state::free)
    return true;
  struct stat status {};
  if (::fstat(fd.get(), &status) == 0 && why_not_own_file(status).empty())
    ::unlink(file.c_str());
  return false;
}

write_outcome launcher_state::record(const accepted_request& request) {
  death_point("before the request is written");
  const auto written = write_request(where.requests(), request, owner);
  death_point("after the request is written");
  return {written ? std::nullopt : std::optional{written.error()}};
}

void launcher_state::discard_request(const agent_dispatch::discard_request& order) {
  const auto& request = *order.request;
  death_point("before the request is removed");
  remove_request(where.requests(), request);
  death_point("before the run directory is removed");
  if (request.spec && !order.keeps_run)
    discard(request.spec->key);
  death_point("after the run directory is removed");
}

recovered_state_ptr launcher_state::recover() {
  tries = 0;
  tidy();
  auto state = std::make_shared<recovered_state>();
  std::error_code ignored;
  const bool has_died = !fs::remove(where.handed_over(), ignored);
  state->callers = take_callers();
  const auto found = read_requests(where.requests());
  for (const auto& skipped : found.skipped)
    log::warn("{}; left alone", skipped);
  std::set<fs::path> known;
  left_alone = {found.runs.begin(), found.runs.end()};
  state->is_whole = found.is_whole;
  // What belongs to a request that cannot be read may be of a newer program: its parts and runs are left alone as well.
  const auto is_left_alone = [this, &found](std::string_view entry) {
    const auto is_named = std::any_of(left_alone.begin(), left_alone.end(), [entry](const run_key& run) {
      return entry == run.value || entry == run.value + ".again";
    });
    return is_named || std::any_of(found.names.begin(), found.names.end(), [entry](const std::string& skipped) {
             return entry.starts_with(skipped) && (entry.size() == skipped.size() || entry[skipped.size()] == '.');
           });
  };
  for (const auto& read : found.requests) {
    if (is_left_alone(read.request.key.text()))
      continue;
    for (const auto which : {attempt::first, attempt::without_session_id})
      if (read.request.spec)
        known.insert(directory_of(read.request.spec->key, which));
    if (owner_of_record(read.owner, owner) != job_owner::another_program)
      state->requests.push_back(
          recover(has_died ? count_death(read.request) : std::make_shared<const accepted_request>(read.request)));
    else
      log::warn("request {} is another machine's; left alone", read.request.key.text());
  }
  std::error_code problem;
  for (fs::directory_iterator entry{where.runs(), problem}, end; !problem && entry != end; entry.increment(problem))
    if (known.contains(entry->path())) {
      continue;
    } else if (!is_own_run_directory(entry->path())) {
      log::warn("{} is no run directory; left alone", entry->path().native());
    } else if (is_left_alone(entry->path().filename().native())) {
      if (is_keeper_alive(entry->path()))
        state->occupants.push_back(read_occupant(entry->path()));
    } else {
      strays.push_back(entry->path());
    }
  clear_strays();
  self->send(self, agent_dispatch::prepare_run{});
  return state;
}

accepted_request_ptr launcher_state::count_death(const accepted_request& request) {
  auto counted = std::make_shared<accepted_request>(request);
  if (!request.spec || !request.spec->job)
    return counted;
  ++counted->deaths;
  if (const auto outcome = record(*counted); outcome.problem)
    log::warn("request {}: {}", request.key.text(), outcome.problem->message);
  return counted;
}

void launcher_state::note_handover(const agent_dispatch::note_handover& order) {
  if (const auto written = write_whole_file(where.handed_over(), {}, durability::page_cache); !written)
    log::warn("{}", written.error().message);
  if (order.callers.empty())
    return;
  std::string content;
  for (const auto& [frontend, caller] : order.callers)
    content += encode_hello({protocol_version, program_version, frontend_role::cli, frontend, caller}) + "\n";
  if (const auto held = hand_over(*keeper, where.handover(), where.requests(), content); !held)
    log::warn("environments of queued jobs are lost: {}", held.error().message);
}

std::map<frontend_id, caller_context_ptr> launcher_state::take_callers() const {
  std::map<frontend_id, caller_context_ptr> callers;
  const auto content = take_handover(where.handover());
  if (!content) {
    log::warn("environments of queued jobs are lost: {}", content.error().message);
    return callers;
  }
  std::istringstream lines{*content};
  for (std::string line; std::getline(lines, line);)
    if (auto hello = decode_hello(line))
      callers.emplace(hello->frontend, hello->caller);
  return callers;
}

recovered_request launcher_state::find(const run_spec_ptr& spec) {
  tries = most_tries; // nobody else is to wait: the asker asks again
  return recover(std::make_shared<const accepted_request>(accepted_request{.key = {}, .spec = spec}));
}

recovered_request launcher_state::recover(const accepted_request_ptr& request) {
  if (request->plan || request->known) // neither has a run, whatever lies there under its name
    return {.request = request, .how = {}, .borrowed_from = {}};
  const auto& run = request->spec->key;
  std::error_code ignored;
  const auto which = fs::exists(directory_of(run, attempt::without_session_id), ignored) ? attempt::without_session_id
                                                                                         : attempt::first;
  if (!fs::exists(directory_of(run, which), ignored))
    return {.request = request, .how = {}, .borrowed_from = {}};
  auto recovered = recover_run(request, which);
  for (bool said = false; !recovered && recovered.error().kind == fault_kind::io && tries < most_tries; ++tries) {
    if (!std::exchange(said, true))
      log::warn("run {}: {}; tried again", run.value, recovered.error().message);
    std::this_thread::sleep_for(try_again);
    recovered = recover_run(request, which);
  }
  if (recovered)
    return std::move(*recovered);
  // Not to be read: it may have run, so it must not run again; and while it may live, it keeps its slot.
  log::error("run {}: {}", run.value, recovered.error().message);
  return {.request = request,
          .condition = is_keeper_alive(directory_of(run, which)) ? run_condition::live : run_condition::ended,
          .how = {.handles = nullptr, .which = which},
          .borrowed_from = {}};
}

expected<recovered_request> launcher_state::recover_run(const accepted_request_ptr& request, attempt which) {
  const auto directory = directory_of(request->spec->key, which);
  auto found = adopt(directory);
  if (!found)
    return tl::unexpected(found.error());
  if (!found->alive && found->start == start_state::absent) {
    const auto claimed = claim_void(directory);
    if (!claimed)
      return tl::unexpected(claimed.error());
    death_point("after the start is claimed");
    if (*claimed == claim::lost)
      return recover_run(request, which);
    found->start = start_state::voided;
  }
  recovered_request recovered{.request = request, .how = {}, .borrowed_from = {}};
  if (!found->alive && found->start == start_state::voided) {
    move_to_trash(directory);
    return recovered;
  }
  recovered.condition = found->alive ? run_condition::live : run_condition::ended;
  recovered.borrowed_from = read_run_record(directory).slot_of;
  recovered.how.which = which;
  recovered.how.seen_bytes = found->output ? file_size(found->output.get()) : 0;
  recovered.how.handles = std::make_shared<run_handles>(std::move(found->control), std::move(found->output), directory);
  return recovered;
}

bool launcher_state::is_being_ended(const run_key& run) const {
  bool lives = false;
  for (const auto which : {attempt::first, attempt::without_session_id}) {
    const auto directory = directory_of(run, which);
    std::error_code ignored;
    if (!fs::exists(directory, ignored))
      continue;
    if (const auto claimed = claim_void(directory); !claimed)
      log::warn("run {}: {}", run.value, claimed.error().message);
    lives = tell_to_end(directory) || lives;
  }
  return lives;
}

caf::result<int> launcher_state::sweep(const run_key& run) {
  if (!is_being_ended(run))
    return sweep_by_mark(run);
  sweeps.push_back({run, self->make_response_promise<int>()});
  look_later();
  return sweeps.back().promise;
}

void launcher_state::finish_sweeps() {
  std::erase_if(sweeps, [this](open_sweep& each) {
    if (is_being_ended(each.run) && ++each.looks < most_looks)
      return false;
    each.promise.deliver(sweep_by_mark(each.run));
    return true;
  });
  if (!sweeps.empty())
    look_later();
}

void launcher_state::look_later() {
  if (!std::exchange(is_look_due, true))
    self->delayed_send(self, clear_again, agent_dispatch::clear_strays{});
}

void launcher_state::tidy() {
  std::error_code problem;
  for (const auto& place : {where.trash(), where.spares()})
    for (fs::directory_iterator entry{place, problem}, end; !problem && entry != end; entry.increment(problem))
      std::ignore = remove_run_directory(entry->path());
  std::vector<frontend_id> frontends;
  for (fs::directory_iterator entry{where.frontends(), problem}, end; !problem && entry != end;
       entry.increment(problem))
    if (is_lock_of_frontend(entry->path()))
      frontends.push_back({entry->path().filename().native()});
    else
      log::warn("{} is no lock of a frontend; left alone", entry->path().native());
  for (const auto& frontend : frontends)
    is_alive(frontend);
}

run_keys launcher_state::find_live(const std::vector<run_key>& runs) const {
  run_keys live;
  for (const auto& run : runs)
    if (is_keeper_alive(directory_of(run, attempt::first)))
      live.push_back(run);
  return live;
}

void launcher_state::clear_strays() {
  std::erase_if(strays, [this](const fs::path& directory) { return clear(directory); });
  if (!strays.empty() && ++looks < most_looks) {
    look_later();
    return;
  }
  // A keeper that does not end its run (stopped, say) keeps nobody waiting: what belongs to the run is ended by its
  // mark.
  for (const auto& directory : strays) {
    sweep_by_mark(run_key{directory.filename().native()});
    log::warn("run {}: its keeper does not end it; left where it is", directory.filename().native());
  }
  strays.clear();
  for (auto& promise : finishing)
    promise.deliver(true);
  finishing.clear();
}

caf::result<bool> launcher_state::finish() {
  give_up_reserves();
  if (strays.empty())
    return true;
  finishing.push_back(self->make_response_promise<bool>());
  return finishing.back();
}

bool launcher_state::clear(const fs::path& directory) {
  // A keeper that has not begun yet must not do so where nobody looks.
  if (const auto claimed = claim_void(directory); !claimed)
    log::warn("{}", claimed.error().message);
  if (tell_to_end(directory))
    return false;
  log::info("run {}: belongs to no request; removed", directory.filename().native());
  sweep_by_mark(run_key{directory.filename().native()});
  move_to_trash(directory);
  return true;
}

launcher_actor::behavior_type launcher(launcher_actor::stateful_pointer<launcher_state> self, places where,
                                       std::string owner, std::shared_ptr<const keeper_program> keeper) {
  auto& state = self->state;
  tell_exceptions(self);
  state.where = std::move(where);
  state.owner = std::move(owner);
  state.keeper = std::move(keeper);
  return {
      [&state](const launch_run& order) { return state.launch(order); },
      [&state](const read_exit& order) { return state.read(order); },
      [&state](const sweep_run& order) { return state.sweep(order.run); },
      [&state](const find_run& order) { return state.find(order.spec); },
      [&state](const discard_run& order) { state.discard(order.run); },
      [&state](const record_request& order) { return state.record(*order.request); },
      [&state](const agent_dispatch::discard_request& order) { state.discard_request(order); },
      [&state](const agent_dispatch::note_handover& order) { state.note_handover(order); },
      [&state](const recover_state&) { return state.recover(); },
      [&state](const is_frontend_alive& order) { return state.is_alive(order.frontend); },
      [&state](const find_live_runs& order) { return state.find_live(order.runs); },
      [&state](const finish_discarding&) { return state.finish(); },
      [&state](const clear_strays&) {
        state.is_look_due = false;
        state.finish_sweeps();
        state.clear_strays();
      },
      [&state](const agent_dispatch::empty_trash&) { state.empty_trash(); },
      [&state](const prepare_run&) { state.prepare(); },
  };
}

} // namespace agent_dispatch
