#include "actors/job_registry.hpp"

#include "actors/core_death.hpp"
#include "actors/death_point.hpp"
#include "actors/job_store.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/job_machine.hpp"
#include "actors/logic/job_rules.hpp"
#include "actors/logic/sentences.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

/// Progress of live jobs is written, and jobs of other programs are looked at, this often.
constexpr std::chrono::seconds tick_interval{1};

job_record new_record(const run_spec& spec, const job_id& id, const std::string& owner) {
  const auto& asked = spec.request;
  return {.id = id,
          .agent = spec.agent.name,
          .task = asked.task,
          .context = asked.context,
          .caller = asked.caller,
          .goal = asked.goal,
          .created_at = unix_now(),
          .owner = owner,
          .session = spec.session,
          .retry_of = spec.retry_of,
          .request = job_request{asked.format, asked.timeout, asked.clamp_timeout, asked.group}};
}

/// An earlier supervisor may have come as far as `running`.
expected<job_record> started(const job_record& on_disk) {
  return on_disk.status == job_status::running ? on_disk : job_machine::start(on_disk, unix_now());
}

/// The end of a job that somebody has cancelled, which could not be written then.
expected<job_record> ended_by_cancel(const job_record& on_disk, const dispatch_answer& answer) {
  auto cancelled = job_machine::cancel(on_disk, unix_now(), cancelled_sentence(on_disk));
  if (!cancelled || !answer.value)
    return cancelled;
  return job_machine::settle_cancelled(std::move(*cancelled), *answer.value);
}

/// A record that could not be marked as running when it started is so now.
expected<job_record> ended(const job_record& on_disk, const dispatch_answer& answer, bool is_cancelled) {
  if (is_cancelled && !(answer.value && answer.value->success))
    return ended_by_cancel(on_disk, answer);
  auto running = started(on_disk);
  if (!running)
    return running;
  if (answer.value)
    return job_machine::finish(std::move(*running), *answer.value, unix_now());
  return job_machine::fail(std::move(*running), unix_now(), answer.value.error().message);
}

/// `change`, of what is on disk with the progress that is known here.
job_change with_progress(const job_record& known, job_change change) {
  return
      [lines = known.progress, at = known.progress_updated_at, change = std::move(change)](const job_record& on_disk) {
        auto record = on_disk;
        if (at) {
          record.progress = lines;
          record.progress_updated_at = at;
        }
        return change(record);
      };
}

/// Somebody has removed the record: there is nothing left that could be written.
bool is_removed(const fault& why) { return why.kind == fault_kind::invalid_argument; }

write_outcome no_store() { return {fault{fault_kind::lost, "the store of job records died; try again"}}; }

} // namespace

job_registry_state::live_job* job_registry_state::find_live(const job_id& id) {
  const auto found = jobs.find(id);
  return found == jobs.end() ? nullptr : &found->second;
}

caf::result<write_outcome> job_registry_state::create(const create_job& order) {
  crash_point("jobs");
  const auto& id = *order.spec->job;
  auto record = new_record(*order.spec, id, owner);
  auto stored = std::make_shared<const job_record>(record);
  // Known before it is written: whoever looks through the records finds none that nobody knows.
  jobs.emplace(id,
               live_job{.request = order.request, .run = order.spec->key, .record = std::move(record), .unsaved = {}});
  keep_ticking();
  auto promise = self->make_response_promise<write_outcome>();
  self->request(stores.writer, caf::infinite, store_job{std::move(stored)})
      .then(
          [this, id, promise](const write_outcome& outcome) mutable {
            if (outcome.problem)
              drop(id, *outcome.problem);
            promise.deliver(outcome);
          },
          left_to_the_next_supervisor);
  return promise;
}

void job_registry_state::drop(const job_id& id, const fault& why) {
  for (const auto& request : waiting_for(id))
    end_watch(request, {tl::unexpected(why)});
  jobs.erase(id);
}

caf::result<bool> job_registry_state::start(const job_id& id) {
  auto promise = self->make_response_promise<bool>();
  self->request(stores.writer, caf::infinite, change_job{id, started, durability::page_cache})
      .then(
          [this, id, promise](const job_change_reply& reply) mutable {
            auto* job = find_live(id);
            if (!reply.record) {
              // The run is paid for by its result, which is kept with it: that its start is not written down harms less
              // than not to start it.
              log::warn("job {}: {}", id.value, reply.record.error().message);
            } else if (job != nullptr) {
              job->record = *reply.record;
              if (is_terminal(reply.record->status))
                tell_end(*reply.record);
            }
            promise.deliver(!reply.record || reply.record->status == job_status::running);
          },
          left_to_the_next_supervisor);
  return promise;
}

void job_registry_state::progress(const job_progressed& event) {
  auto* job = find_live(event.id);
  if (job == nullptr || is_terminal(job->record.status))
    return;
  for (const auto& [request, each] : watches)
    if (each.job == event.id)
      self->send(each.asker, request_progress{request, event.event});
  if (event.event.kind == progress_kind::queued || event.event.kind == progress_kind::started)
    return;
  auto changed = job_machine::add_progress(job->record, event.event.text, unix_now());
  if (!changed)
    return;
  job->record = std::move(*changed);
  job->is_progress_new = true;
  write_progress_if_due(event.id, *job);
}

void job_registry_state::replayed(const job_replayed& event) {
  const auto* job = find_live(event.id);
  if (job == nullptr)
    return;
  std::vector<std::string> lines;
  for (const auto& each : event.events)
    lines.push_back(each.text);
  const auto unknown = job_machine::count_unknown(job->record, lines);
  for (auto place = event.events.size() - unknown; place < event.events.size(); ++place)
    progress({event.id, event.events[place]});
}

void job_registry_state::write_progress_if_due(const job_id& id, live_job& job) {
  if (job.is_progress_new && job_machine::is_progress_due(job.progress_written, seconds()))
    write_progress(id, job);
}

void job_registry_state::write_progress(const job_id& id, live_job& job) {
  job.is_progress_new = false;
  job.progress_written = seconds();
  const auto as_it_is = [](const job_record& record) { return expected<job_record>{record}; };
  self->request(stores.writer, caf::infinite,
                change_job{id, with_progress(job.record, as_it_is), durability::page_cache})
      .then(
          [this, id](const job_change_reply& reply) {
            auto* live = find_live(id);
            if (live == nullptr)
              return;
            if (!reply.record)
              live->is_progress_new = true; // tried again when it is due
            // Another program may have ended it.
            if (!reply.record || !is_terminal(reply.record->status) || is_terminal(live->record.status))
              return;
            log::info("job {}: ended by another program", id.value);
            live->record = *reply.record;
            tell_end(*reply.record);
            self->send(requests, cancel_request{live->request, true});
          },
          [](const caf::error&) { log::warn("the store of job records does not answer"); });
}

caf::result<write_outcome> job_registry_state::finish(const finish_job& order) {
  auto promise = self->make_response_promise<write_outcome>();
  const auto* job = find_live(order.id);
  job_change change = [answer = order.answer, is_cancelled = job != nullptr && job->is_cancelled](
                          const job_record& on_disk) { return ended(on_disk, answer, is_cancelled); };
  if (job != nullptr) // its last lines may not have been written
    change = with_progress(job->record, std::move(change));
  self->request(stores.writer, caf::infinite, change_job{order.id, std::move(change), durability::disk})
      .then([this, id = order.id, answer = order.answer,
             promise](const job_change_reply& reply) { finished(id, answer, reply, promise); },
            left_to_the_next_supervisor);
  return promise;
}

void job_registry_state::finished(const job_id& id, const dispatch_answer& answer, const job_change_reply& reply,
                                  caf::typed_response_promise<write_outcome> done) {
  auto* job = find_live(id);
  if (!reply.record) {
    log::error("job {}: its end cannot be written: {}", id.value, reply.record.error().message);
    if (job != nullptr && !is_terminal(job->record.status))
      tell_unwritten(*job, ended(job->record, answer, job->is_cancelled), reply.record.error());
    done.deliver(outcome_of_unwritten(id, reply.record.error()));
    return;
  }
  if (!reply.written)
    log::info("job {}: its result comes too late, it is {}", id.value, to_string(reply.record->status));
  if (!reply.written && reply.record->status == job_status::cancelled && !reply.record->result && answer.value) {
    settle(id, *reply.record, *answer.value, done);
    return;
  }
  tell_end(*reply.record);
  jobs.erase(id);
  done.deliver(write_outcome{});
}

void job_registry_state::tell_unwritten(live_job& job, expected<job_record> end, const fault& why) {
  if (!end)
    return;
  job.record = std::move(*end);
  job.unsaved = why;
  tell_end(job.record, job.unsaved);
}

write_outcome job_registry_state::outcome_of_unwritten(const job_id& id, const fault& why) {
  if (!is_removed(why))
    return {why};
  jobs.erase(id);
  return {};
}

void job_registry_state::settle(const job_id& id, const job_record& record, const dispatch_result& result,
                                caf::typed_response_promise<write_outcome> done) {
  auto settled = job_machine::settle_cancelled(record, result);
  if (!settled) {
    tell_end(record);
    jobs.erase(id);
    done.deliver(write_outcome{});
    return;
  }
  self->request(stores.writer, caf::infinite, settle_job{std::make_shared<const job_record>(std::move(*settled))})
      .then(
          [this, id, record, done](const job_change_reply& reply) mutable {
            tell_end(reply.record ? *reply.record : record);
            if (reply.record) {
              jobs.erase(id);
              done.deliver(write_outcome{});
              return;
            }
            log::warn("job {}: what its run cost cannot be written: {}", id.value, reply.record.error().message);
            done.deliver(outcome_of_unwritten(id, reply.record.error()));
          },
          [done](const caf::error&) mutable { done.deliver(no_store()); });
}

caf::result<job_found> job_registry_state::adopt(const adopt_job& order) {
  const auto id = *order.spec->job;
  auto fresh = new_record(*order.spec, id, owner);
  jobs.emplace(id, live_job{.request = order.request, .run = order.spec->key, .record = fresh, .unsaved = {}});
  keep_ticking();
  auto promise = self->make_response_promise<job_found>();
  auto adopted = [this, id, promise](const job_record& record) mutable {
    if (auto* job = find_live(id))
      job->record = record;
    promise.deliver(job_found{record});
  };
  auto create_anew = [this, fresh, adopted]() mutable {
    self->request(stores.writer, caf::infinite, store_job{std::make_shared<const job_record>(fresh)})
        .then([adopted, fresh](const write_outcome&) mutable { adopted(fresh); },
              [adopted, fresh](const caf::error&) mutable { adopted(fresh); });
  };
  self->request(stores.writer, caf::infinite, find_stored_job{id.value})
      .then(
          [adopted, create_anew](const job_found& found) mutable {
            if (found.record)
              adopted(*found.record);
            else
              create_anew();
          },
          [create_anew](const caf::error&) mutable { create_anew(); });
  return promise;
}

void job_registry_state::all_adopted(const jobs_adopted& order) {
  if (order.knows_all)
    give_up_strays();
  else
    log::warn("jobs that nobody here knows may be of a newer program's requests; left alone");
  self->send(stores.reader, maintain_jobs{order.retention_days});
}

void job_registry_state::give_up_strays() {
  self->request(stores.reader, caf::infinite, find_unfinished_jobs{})
      .then(
          [this](const jobs_found& found) {
            if (!found.records) {
              log::warn("{}", found.records.error().message);
              return;
            }
            for (const auto& record : *found.records)
              if (!jobs.contains(record.id))
                fail({record.id, sentences::job_lost(record.session)}, [](const write_outcome&) {});
          },
          [](const caf::error&) { log::warn("the store of job records does not answer"); });
}

caf::result<write_outcome> job_registry_state::fail(const fail_job& order) {
  auto promise = self->make_response_promise<write_outcome>();
  fail(order, [promise](const write_outcome& outcome) mutable { promise.deliver(outcome); });
  return promise;
}

void job_registry_state::fail(const fail_job& order, const std::function<void(const write_outcome&)>& then) {
  job_change change = [order](const job_record& on_disk) {
    auto record = job_machine::fail(on_disk, unix_now(), order.sentence);
    if (record && !order.has_session)
      record->started_at.reset(); // it was marked before its start, which did not come
    return record;
  };
  if (const auto* job = find_live(order.id))
    change = with_progress(job->record, std::move(change));
  self->request(stores.writer, caf::infinite, change_job{order.id, change, durability::disk})
      .then([this, order, then](const job_change_reply& reply) { then(failed(order, reply)); },
            [then](const caf::error&) { then(no_store()); });
}

write_outcome job_registry_state::failed(const fail_job& order, const job_change_reply& reply) {
  if (reply.record) {
    log::info("job {}: ended without a result", order.id.value);
    tell_end(*reply.record);
    jobs.erase(order.id);
    return {};
  }
  const auto& why = reply.record.error();
  log::error("job {}: {}", order.id.value, why.message);
  if (auto* job = find_live(order.id); job != nullptr && is_removed(why))
    tell_unwritten(*job, job_machine::fail(job->record, unix_now(), order.sentence), why);
  return outcome_of_unwritten(order.id, why);
}

caf::result<write_outcome> job_registry_state::keep(const keep_result& order) {
  auto record = new_record(*order.spec, *order.spec->ref, owner);
  if (auto running = job_machine::start(record, unix_now()))
    if (auto done = job_machine::finish(std::move(*running), order.result, unix_now()))
      record = std::move(*done);
  auto promise = self->make_response_promise<write_outcome>();
  self->request(stores.writer, caf::infinite, store_job{std::make_shared<const job_record>(std::move(record))})
      .then(
          [promise](const write_outcome& outcome) mutable {
            // There already: kept by a supervisor that died before it could say so.
            const bool is_kept = outcome.problem && outcome.problem->kind == fault_kind::invalid_argument;
            promise.deliver(is_kept ? write_outcome{} : outcome);
          },
          [promise](const caf::error&) mutable { promise.deliver(no_store()); });
  return promise;
}

caf::result<job_found> job_registry_state::find(const find_job_record& order) {
  if (const auto* job = find_live({order.text}); job != nullptr && job->unsaved)
    return job_found{job->record};
  auto promise = self->make_response_promise<job_found>();
  self->request(stores.reader, caf::infinite, find_stored_job{order.text})
      .then(
          [this, promise](const job_found& found) mutable {
            const auto* job = found.record ? find_live(found.record->id) : nullptr;
            // What is known here is newer than what is on disk, unless somebody else has ended the job there, or its
            // start has been written and not been heard of yet.
            const bool is_newer =
                job != nullptr && !is_terminal(job->record.status) && found.record->status <= job->record.status;
            promise.deliver(is_newer || (job != nullptr && job->unsaved) ? job_found{job->record} : found);
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

caf::result<job_explained> job_registry_state::explain(const explain_job& order) {
  auto promise = self->make_response_promise<job_explained>();
  self->request(stores.reader, caf::infinite, find_stored_job{order.text})
      .then(
          [this, promise](const job_found& found) mutable {
            const auto* job = found.record ? find_live(found.record->id) : nullptr;
            if (job == nullptr || job->record.status != job_status::pending || !requests)
              promise.deliver(job_explained{found, nullptr});
            else
              explain(found, job->request, promise);
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

void job_registry_state::explain(const job_found& found, const request_key& request,
                                 caf::typed_response_promise<job_explained> promise) {
  self->request(requests, caf::infinite, get_request_position{request, true})
      .then(
          [promise, found](const queue_position_ptr& place) mutable {
            promise.deliver(job_explained{found, place});
          },
          [promise, found](const caf::error&) mutable {
            promise.deliver(job_explained{found, nullptr});
          });
}

caf::result<job_cancelled> job_registry_state::cancel(const cancel_job& order) {
  auto promise = self->make_response_promise<job_cancelled>();
  if (is_job_id(order.text)) {
    cancel_now({order.text}, promise);
    return promise;
  }
  self->request(stores.reader, caf::infinite, find_stored_job{order.text})
      .then(
          [this, promise](const job_found& found) mutable {
            if (found.record)
              cancel_now(found.record->id, promise);
            else
              promise.deliver(job_cancelled{tl::unexpected(found.record.error()), nullptr});
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

void job_registry_state::cancel_now(const job_id& id, caf::typed_response_promise<job_cancelled> done) {
  auto* job = find_live(id);
  if (job != nullptr && job->unsaved) {
    // Its end has been told, so it is final, whatever the disk still says.
    done.deliver(
        job_cancelled{report_of_cancel(job->record, job_owner::ours), std::make_shared<const job_record>(job->record)});
    return;
  }
  if (job != nullptr && job->is_progress_new && !is_terminal(job->record.status))
    write_progress(id, *job); // nothing is added to a cancelled record later
  self->request(stores.writer, caf::infinite, cancel_stored_job{id})
      .then(
          [this, id, done](const job_cancelled& cancelled) mutable {
            auto* live = find_live(id);
            if (live != nullptr && cancelled.record && is_terminal(cancelled.record->status) &&
                !is_terminal(live->record.status)) {
              live->record = *cancelled.record;
              tell_end(live->record);
              self->send(requests, cancel_request{live->request, true});
            } else if (live != nullptr && !cancelled.record && !is_terminal(live->record.status)) {
              done.deliver(cancel_unwritten(*live, cancelled.report.error()));
              return;
            }
            done.deliver(cancelled);
          },
          [this, id, done](caf::error& problem) mutable {
            if (auto* live = find_live(id); live != nullptr && !is_terminal(live->record.status))
              done.deliver(cancel_unwritten(*live, *no_store().problem));
            else
              done.deliver(std::move(problem));
          });
}

job_cancelled job_registry_state::cancel_unwritten(live_job& job, fault why) {
  log::error("job {}: its cancel cannot be written: {}", job.record.id.value, why.message);
  job.is_cancelled = true;
  self->send(requests, cancel_request{job.request, true});
  why.message = sentences::ended_without_record(why.message);
  return {tl::unexpected(std::move(why)), nullptr};
}

double job_registry_state::seconds() const {
  return std::chrono::duration<double>{self->clock().now().time_since_epoch()}.count();
}

void job_registry_state::tick() {
  ticking = false;
  std::vector<job_id> live;
  for (auto& [id, job] : jobs) {
    live.push_back(id);
    if (!is_terminal(job.record.status))
      write_progress_if_due(id, job);
  }
  look_at_others();
  const moment now{seconds(), unix_now()};
  if (!live.empty() && is_touch_due(touched, now)) {
    touched = now;
    self->send(stores.writer, touch_jobs{std::move(live)});
  }
  if (!jobs.empty() || !watches.empty())
    keep_ticking();
}

void job_registry_state::keep_ticking() {
  if (std::exchange(ticking, true))
    return;
  self->delayed_send(self, tick_interval, job_tick{});
}

jobs_actor::behavior_type job_registry(jobs_actor::stateful_pointer<job_registry_state> self, job_stores stores,
                                       const admission_actor& admission, std::string owner) {
  auto& state = self->state;
  tell_exceptions(self);
  state.stores = std::move(stores);
  state.admission = admission;
  state.owner = std::move(owner);
  state.touched = {state.seconds(), unix_now()};
  return {
      [&state](const create_job& order) { return state.create(order); },
      [&state](const start_job& order) { return state.start(order.id); },
      [&state](const job_progressed& event) { state.progress(event); },
      [&state](const job_replayed& event) { state.replayed(event); },
      [&state](const finish_job& order) { return state.finish(order); },
      [&state](const adopt_job& order) { return state.adopt(order); },
      [&state](const jobs_adopted& order) { state.all_adopted(order); },
      [&state](const fail_job& order) { return state.fail(order); },
      [&state](const keep_result& order) { return state.keep(order); },
      [&state](const find_job_record& order) { return state.find(order); },
      [&state](const cancel_job& order) { return state.cancel(order); },
      [&state](const list_stored_jobs& order) { return state.self->delegate(state.stores.reader, order); },
      [&state](const collect_stored_jobs& order) { return state.self->delegate(state.stores.reader, order); },
      [&state](const watch_job& order) { state.begin_watch(order); },
      [&state](const unwatch_job& order) { state.give_up_watch(order.request); },
      [&state](const unwatch_all& order) { state.drop_watches(order.asker); },
      [&state](const get_watched_job& order) { return state.standing(order.request); },
      [&state](const explain_job& order) { return state.explain(order); },
      [&state](const watch_timeout& event) { state.time_out(event); },
      [&state](const job_tick&) { state.tick(); },
      [&state](const serve_requests& order) { state.requests = order.requests; },
  };
}

} // namespace agent_dispatch
