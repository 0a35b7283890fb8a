#include "actors/run.hpp"

#include "actors/core_death.hpp"
#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/job_machine.hpp"
#include "actors/run_answers.hpp"

namespace agent_dispatch {

namespace {

/// The end of a run that cannot be read for want of a descriptor, say, is no missing end: what was paid for is there.
constexpr int most_failed_reads = 60;
constexpr std::chrono::seconds read_again{1};

} // namespace

void run_state::launch() {
  parser = std::make_unique<output_parser>();
  self->request(services.launcher, caf::infinite, launch_run{spec, which, borrowed_from})
      .then([this](const launch_result& result) { launched(result); }, left_to_the_next_supervisor);
}

void run_state::resume(const resume_run& order) {
  parser = std::make_unique<output_parser>();
  which = order.which;
  quiet_bytes = order.seen_bytes;
  if (order.handles)
    launched({order.handles, launch_problem::none, {}});
  else
    look_later();
}

void run_state::look_later() {
  if (failed_reads++ < most_failed_reads)
    self->delayed_send(self, read_again, look_for_run{});
  else
    sweep();
}

void run_state::look() {
  self->request(services.launcher, caf::infinite, find_run{spec})
      .then([this](const recovered_request& found) { this->found(found); }, left_to_the_next_supervisor);
}

void run_state::found(const recovered_request& found) {
  if (found.condition == run_condition::not_started)
    answer(answer_lost(*spec, which, parser->finish({})));
  else
    resume(found.how);
}

void run_state::launched(const launch_result& result) {
  crash_point("run");
  if (result.problem != launch_problem::none) {
    log::warn("run {}: not started: {}", spec->key.value, result.reason);
    answer(answer_not_started(*spec, result));
    return;
  }
  log::debug("run {}: is watched", spec->key.value);
  watch = services.watcher->watch(result.handles, self);
  if (cancelled)
    watch->cancel();
}

void run_state::cancel() {
  if (cancelled)
    return;
  cancelled = true;
  log::info("run {}: cancelled", spec->key.value);
  if (watch)
    watch->cancel();
}

void run_state::read(const output_chunk& chunk) {
  auto bytes = std::string_view{chunk.bytes};
  if (read_bytes < quiet_bytes) {
    const auto known = bytes.substr(0, quiet_bytes - read_bytes);
    replay(known);
    bytes.remove_prefix(known.size());
  }
  for (const auto& event : parser->feed(bytes)) {
    if (const auto* retry = std::get_if<api_retry>(&event))
      self->send(services.admission, api_troubled{{.status = retry->status, .pause = retry->delay}});
    if (auto shown = progress_of(event))
      events.offer(std::move(*shown));
  }
  read_bytes += bytes.size();
  tell_events();
  watch->want_output();
}

void run_state::tell_events() {
  const auto now = self->clock().now();
  for (auto& event : events.take(now))
    self->send(listener, run_progress{spec->key, std::move(event)});
  if (const auto next = events.next())
    self->delayed_send(self, std::chrono::ceil<std::chrono::milliseconds>(*next - now), run_tick{++current_tick});
}

void run_state::tick(const run_tick& tick) {
  if (tick.number == current_tick)
    tell_events();
}

void run_state::replay(std::string_view bytes) {
  for (const auto& event : parser->feed(bytes))
    if (const auto shown = progress_of(event)) {
      replayed.push_back(*shown);
      if (replayed.size() > job_machine::progress_lines)
        replayed.pop_front();
    }
  read_bytes += bytes.size();
  if (read_bytes == quiet_bytes)
    finish_replay();
}

void run_state::finish_replay() {
  if (!replayed.empty())
    self->send(listener, run_replayed{spec->key, {replayed.begin(), replayed.end()}});
  replayed.clear();
}

void run_state::read_exit_file(const keeper_gone& event) {
  watch.reset();
  if (event.report) {
    ended(*event.report);
    return;
  }

  self->request(services.launcher, caf::infinite, read_exit{spec->key, which})
      .then([this](const exit_report& report) { ended(report); }, left_to_the_next_supervisor);
}

void run_state::ended(const exit_report& report) {
  if (!report.record && report.record.error().kind == fault_kind::io && failed_reads < most_failed_reads) {
    if (failed_reads++ == 0)
      log::error("run {}: {}; tried again", spec->key.value, report.record.error().message);
    self->delayed_send(self, read_again, keeper_gone{});
    return;
  }
  if (!report.record || !*report.record) {
    if (!report.record)
      log::error("run {}: {}", spec->key.value, report.record.error().message);
    sweep();
    return;
  }
  const auto& record = **report.record;
  if (read_bytes < record.output_end) {
    log::error("run {}: {} of its output's {} bytes are there, as after a power cut", spec->key.value, read_bytes,
               record.output_end);
    sweep();
    return;
  }
  const auto output = parser->finish(marks_of(record));
  // One that was taken over has no environment to be started in again.
  if (which == attempt::first && !cancelled && spec->caller &&
      is_rejected_session_id(*spec, output, record, report.stderr_head)) {
    log::warn("run {}: this CLI does not know --session-id; started again without it", spec->key.value);
    self->send(services.launcher, discard_run{spec->key});
    which = attempt::without_session_id;
    read_bytes = quiet_bytes = 0;
    launch();
    return;
  }
  if (record.left_over > 0)
    log::warn("run {}: {} processes could not be ended", spec->key.value, record.left_over);
  auto given = answer_ended(*spec, which, output, record, report.stderr_head);
  report_api(output, given);
  answer(std::move(given));
}

void run_state::report_api(const parsed_output& output, const dispatch_answer& given) {
  if (output.result && output.result->api_status)
    self->send(services.admission, api_troubled{{.status = output.result->api_status}});
  else if (given.value && given.value->success)
    self->send(services.admission, api_answered{begun});
}

void run_state::sweep() {
  log::error("run {}: its keeper died; ending what it left behind", spec->key.value);
  self->request(services.launcher, caf::infinite, sweep_run{spec->key})
      .then(
          [this](int left) {
            if (left > 0)
              log::warn("run {}: {} processes could not be ended", spec->key.value, left);
            answer(answer_lost(*spec, which, parser->finish({})));
          },
          left_to_the_next_supervisor);
}

void run_state::answer(dispatch_answer answer) {
  log::debug("run {}: is answered", spec->key.value);
  finish_replay();
  for (auto& event : events.take_rest())
    self->send(listener, run_progress{spec->key, std::move(event)});
  self->send(listener, run_finished{spec->key, std::move(answer)});
  self->quit();
}

run_actor::behavior_type run(run_actor::stateful_pointer<run_state> self, run_spec_ptr spec,
                             const run_listener& listener, run_services services) {
  auto& state = self->state;
  tell_exceptions(self);
  state.spec = std::move(spec);
  state.listener = listener;
  state.services = std::move(services);
  state.begun = self->clock().now();
  return {
      [&state](const begin_run& order) {
        state.borrowed_from = order.borrowed_from;
        state.launch();
      },
      [&state](const resume_run& order) { state.resume(order); },
      [&state](const output_chunk& chunk) { state.read(chunk); },
      [&state](const run_tick& tick) { state.tick(tick); },
      [&state](const keeper_gone& event) { state.read_exit_file(event); },
      [&state](const look_for_run&) { state.look(); },
      [&state](const cancel_run&) { state.cancel(); },
  };
}

} // namespace agent_dispatch
