#include "frontends/session/session.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/json_span.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::string_view no_cache_answer = "the result cache did not answer; try again";
constexpr std::string_view no_jobs_answer = "the registry of jobs did not answer; try again";

std::string seconds_text(clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

std::string words_for(const progress_event& event) {
  switch (event.kind) {
  case progress_kind::queued:
    return "queued";
  case progress_kind::started:
    return "started";
  case progress_kind::text:
  case progress_kind::tool:
  case progress_kind::note:
  case progress_kind::spent:
    break;
  }
  return event.text;
}

} // namespace

dispatch_answer shortened(const dispatch_answer& answer, std::size_t characters) {
  if (answer.parallel) {
    auto all = *answer.parallel;
    characters /= all.items.size() + 1;
    for (auto& item : all.items)
      item = shortened(item, characters);
    if (all.aggregated)
      all.aggregated = shortened(*all.aggregated, characters);
    return {.value = dispatch_result{}, .parallel = std::make_shared<const parallel_answer>(std::move(all))};
  }
  if (answer.dialogue) {
    auto talk = *answer.dialogue;
    characters /= talk.conversation.size() + 1;
    talk.final_answer = first_characters(talk.final_answer, characters);
    for (auto& turn : talk.conversation) {
      turn.message = first_characters(turn.message, characters);
      if (turn.error)
        turn.error = first_characters(*turn.error, characters);
    }
    return {.value = dispatch_result{}, .dialogue = std::make_shared<const dialogue_answer>(std::move(talk))};
  }
  if (answer.job && answer.job->result) {
    auto record = *answer.job;
    record.result = *shortened({*record.result}).value;
    return {.value = dispatch_result{}, .job = std::make_shared<const job_record>(std::move(record))};
  }
  if (!answer.value)
    return answer;
  auto cut = answer;
  auto& result = *cut.value;
  result.parsed_result.reset(); // it is the text once more, and may be longer
  if (result.error)
    result.error = first_characters(*result.error, characters);
  if (count_characters(result.result) <= characters)
    return cut;
  result.result = first_characters(result.result, characters);
  result.hint =
      "The answer was too long for one message: this is its beginning. To get the rest in parts, ask the agent in its "
      "session (session_id).";
  return cut;
}

void session_state::take(const frame_received& frame) {
  if (frame.verb == "msg")
    take_message(frame.number, frame.payload);
  else if (frame.verb == "cancelled")
    take_cancelled(frame.number, frame.payload);
  else if (frame.verb == "told")
    take_told(frame.number, frame.payload);
  else if (frame.verb == "ack")
    take_acknowledgement(frame.number);
  else if (frame.verb == "kept")
    take_kept(frame.number, frame.payload);
  else if (frame.verb == "bye")
    say_goodbye();
  else
    log::warn("a frontend sent a frame of unknown kind");
  // Whoever asks faster than he is answered is read no further: the answers would pile up.
  if (asked > limits::unanswered_questions)
    ++held_back;
  else
    link->consumed();
}

void session_state::one_less_asked() {
  --asked;
  // All at once: not every frame that was held back is a question, so that no answer would come for it.
  for (; asked <= limits::unanswered_questions && held_back > 0; --held_back)
    link->consumed();
}

void session_state::take_message(std::uint64_t line, std::string_view payload) {
  crash_point("session");
  const auto message = jsonrpc::parse(payload);
  if (const auto* request = std::get_if<jsonrpc::request>(&message)) {
    if (const auto open = open_calls(); open >= limits::open_calls && !cancelled_line)
      reject(line, request->id, jsonrpc::code::internal_error,
             "this connection has " + std::to_string(open) + " requests open, and at most " +
                 std::to_string(limits::open_calls) + " are taken; send it again when some are answered");
    else
      dialect->request(*this, line, *request);
  } else if (const auto* notification = std::get_if<jsonrpc::notification>(&message)) {
    dialect->notification(*this, *notification);
    settle(line);
  } else if (const auto* problem = std::get_if<jsonrpc::problem>(&message)) {
    reject(line, problem->id.is_null() ? dialect->unknown_id() : problem->id, problem->number, problem->message);
  } else {
    take_response(std::get<jsonrpc::response>(message));
    settle(line);
  }
}

std::size_t session_state::open_calls() const {
  return calls.size() + prepared.size() + subscriptions.size() + unacknowledged.size() + asked;
}

void session_state::take_cancelled(std::uint64_t line, std::string_view payload) {
  cancelled_line = line;
  take_message(line, payload);
  cancelled_line.reset();
}

void session_state::take_told(std::uint64_t line, std::string_view payload) {
  std::uint64_t count = 0;
  std::from_chars(payload.data(), payload.data() + payload.size(), count);
  if (told_before.size() >= limits::open_calls && !told_before.contains(line)) {
    log::warn("a frontend says of more than {} lines how much of them it was told; the rest is passed over",
              limits::open_calls);
    return;
  }
  told_before[line] = count;
}

void session_state::take_acknowledgement(std::uint64_t line) {
  unacknowledged.erase(line);
  self->send(core.requests, request_acknowledged{key(line)});
  close_if_done();
}

void session_state::take_kept(std::uint64_t through, std::string_view payload) {
  const auto numbers = nesting_depth(payload) == 1 ? nlohmann::json::parse(payload, nullptr, false) : nlohmann::json{};
  if (!numbers.is_array() ||
      !std::all_of(numbers.begin(), numbers.end(), [](const auto& each) { return each.is_number_unsigned(); })) {
    log::warn("a frontend said nothing usable about the lines that it keeps");
    return;
  }
  self->send(core.requests,
             requests_kept{greeting->frontend, through,
                           std::make_shared<const std::set<std::uint64_t>>(numbers.begin(), numbers.end())});
}

void session_state::say_goodbye() {
  leaving = true;
  for (auto& [line, call] : prepared)
    call.is_cancelled = true;
  for (auto& [line, call] : calls)
    cancel_line(line, call);
  close_if_done();
}

void session_state::end(stop_mode mode) {
  withdraw_questions(mode);
  if (mode == stop_mode::keep_runs) {
    link->send("leaving", 0, R"({"reason":"handover"})", importance::must_arrive);
    link->close();
    return;
  }
  ending = true;
  while (!subscriptions.empty()) {
    const auto line = subscriptions.begin()->first;
    const auto& subscription = subscriptions.begin()->second;
    if (line != 0)
      send_answer(line, subscription.id, dialect->unsubscribed_line(subscription));
    end_subscription(line);
  }
  // Whatever is open still, the next supervisor answers.
  leaving = true;
  close_if_done();
}

void session_state::lose() {
  for (const auto& [line, call] : calls)
    if (call.is_watch)
      self->send(core.jobs, unwatch_job{key(line)});
  for (const auto& [topic, what] : topics)
    self->send(core.jobs, unwatch_job{key(topic)});
  self->send(core.requests, frontend_disconnected{greeting->frontend});
  self->quit();
}

void session_state::progress(const request_progress& event) {
  if (event.request.line >= first_topic) {
    news(event.request.line);
    return;
  }
  const auto found = calls.find(event.request.line);
  if (found == calls.end())
    return;
  auto& call = found->second;
  const auto kind = event.event.kind;
  call.is_started = call.is_started || kind == progress_kind::started;
  auto status = status_after(call.status, event.event);
  if (kind == progress_kind::spent) {
    stands(found->first, call, std::move(status));
    return;
  }
  call.last_act = words_for(event.event);
  if (const auto logged = call.cancelled ? std::nullopt : dialect->log_line(call.what, call.last_act))
    link->send("note", found->first, *logged, importance::droppable);
  if (call.what.progress_token.is_null())
    return;
  call.status = std::move(status);
  if (kind == progress_kind::queued && call.what.wants_status)
    look(found->first, call);
  if (const auto text = call.pacer.offer(call.last_act, clock::now()))
    tell(found->first, call, *text);
  schedule_tick();
}

void session_state::answer(const request_answered& event) {
  if (event.request.line >= first_topic) {
    last_news(event.request.line, event.answer.job);
    return;
  }
  const auto asked_as = calls.find(event.request.line);
  if (asked_as == calls.end() || asked_as->second.what.view != answer_view::task || !event.answer.job) {
    deliver(event);
    return;
  }
  // Whoever accepts a job knows no more of it than its id.
  self->request(core.jobs, caf::infinite, find_job_record{event.answer.job->id.value})
      .then(
          [this, event](const job_found& job) {
            auto whole = event;
            if (job.record)
              whole.answer.job = std::make_shared<const job_record>(*job.record);
            deliver(whole);
          },
          [this, event](const caf::error&) { deliver(event); });
}

void session_state::deliver(const request_answered& event) {
  const auto found = calls.find(event.request.line);
  if (found == calls.end())
    return;
  const auto line = found->first;
  auto& call = found->second;
  if (const auto last = call.pacer.rest(); last && !call.cancelled)
    tell(line, call, *last);
  auto text = dialect->answer_line(call.what, event.answer, call.cancelled);
  if (text && text->size() > limits::frame_bytes)
    text = dialect->answer_line(call.what, shortened(event.answer), call.cancelled);
  if (text) {
    send_answer(line, call.what.id, std::move(*text));
    unacknowledged.insert(line);
  } else {
    settle(line);
    self->send(core.requests, request_acknowledged{event.request});
  }
  calls.erase(found);
  close_if_done();
}

void session_state::tick(const session_tick& tick) {
  if (tick.number != current_tick)
    return;
  const auto now = clock::now();
  for (auto& [line, stop] : stops)
    if (stop.look_at <= now)
      look_at_stop(line, stop);
  for (auto& [line, call] : calls) {
    if (call.what.progress_token.is_null())
      continue;
    if (call.look_at && *call.look_at <= now)
      look(line, call);
    if (const auto text = call.pacer.due(now)) {
      tell(line, call, *text);
    } else if (call.pacer.is_silent(now)) {
      call.pacer.told(now);
      show_life(line, call);
    }
  }
  for (auto& [topic, what] : topics)
    if (what.is_new && what.told_at + news_interval <= now)
      tell_news(topic, what);
  for (auto& [line, call] : prepared)
    if (!call.what.progress_token.is_null() && call.told_at + progress_pacer::longest_silence <= now)
      show_question(line, call);
  schedule_tick();
}

void session_state::schedule_tick() {
  auto next = clock::time_point::max();
  for (const auto& [line, stop] : stops)
    next = std::min(next, stop.look_at);
  for (const auto& [line, call] : calls)
    if (!call.what.progress_token.is_null())
      next = std::min({next, call.pacer.next(), call.look_at.value_or(next)});
  for (const auto& [topic, what] : topics)
    if (what.is_new)
      next = std::min(next, what.told_at + news_interval);
  for (const auto& [line, call] : prepared)
    if (!call.what.progress_token.is_null())
      next = std::min(next, call.told_at + progress_pacer::longest_silence);
  if (next == clock::time_point::max())
    return;
  const auto pause = std::max<clock::duration>(next - clock::now(), std::chrono::milliseconds{1});
  self->delayed_send(self, std::chrono::ceil<std::chrono::milliseconds>(pause), session_tick{++current_tick});
}

void session_state::show_life(std::uint64_t line, live_call& call) {
  const auto waited = seconds_text(clock::now() - call.started);
  if (call.is_started || call.is_watch) {
    tell(line, call, "running, " + waited + " so far" + (call.last_act.empty() ? "" : "; last: " + call.last_act));
    return;
  }
  self->request(core.requests, caf::infinite, get_request_position{key(line)})
      .then(
          [this, line, waited](const queue_position_ptr& place) {
            const auto found = calls.find(line);
            if (found == calls.end())
              return;
            tell(line, found->second,
                 place ? "queued for " + waited +
                             (place->position > 0 ? ", position " + std::to_string(place->position) : std::string{}) +
                             ": " + place->reason
                       : "starting, " + waited + " so far");
          },
          [](const caf::error&) { log::warn("no answer about a queue position"); });
}

void session_state::tell(std::uint64_t line, live_call& call, std::string_view text) {
  ++call.told;
  link->send("note", line,
             call.what.wants_status ? dialect->status_line(call.what, call.status, text)
                                    : dialect->progress_line(call.what, call.told, text),
             importance::droppable);
}

void session_state::settle(std::uint64_t line) { link->send("settled", line, {}, importance::must_arrive); }

void session_state::close_if_done() {
  if (!leaving || asked > 0 || (ending && !unacknowledged.empty()))
    return;
  if (ending)
    link->send("leaving", 0, R"({"reason":"stopped"})", importance::must_arrive);
  link->close();
}

void session_state::reply(std::uint64_t line, const nlohmann::json& id, const ordered_json& result) {
  stops.erase(line);
  if (end_preparation(line))
    return;
  send_answer(line, id, jsonrpc::result_line(id, result));
}

void session_state::send_answer(std::uint64_t line, const nlohmann::json& id, std::string text) {
  if (text.size() > limits::frame_bytes)
    text = jsonrpc::error_line(id, jsonrpc::code::internal_error,
                               "the answer takes " + std::to_string(text.size()) + " bytes, and at most " +
                                   std::to_string(limits::frame_bytes) +
                                   " pass; ask for less of it (fetch_result with max_chars, jobs with a limit)");
  link->send("answer", line, text, importance::must_arrive);
}

void session_state::reject(std::uint64_t line, const nlohmann::json& id, jsonrpc::code code, std::string_view message,
                           const ordered_json& data) {
  stops.erase(line);
  if (end_preparation(line))
    return;
  const auto sentence = to_valid_utf8(message);
  send_answer(line, id, jsonrpc::error_line(id, code, first_characters(sentence, limits::rejection_characters), data));
}

session_state::live_call& session_state::begin_call(std::uint64_t line, pending_call what) {
  const auto now = clock::now();
  const auto before = told_before.extract(line);
  auto& call = calls
                   .emplace(line, live_call{.what = std::move(what),
                                            .pacer = progress_pacer{now},
                                            .started = now,
                                            .told = before ? before.mapped() : 0,
                                            .last_act = {},
                                            .cancelled = cancelled_line == line})
                   .first->second;
  return call;
}

void session_state::dispatch(std::uint64_t line, pending_call what, dispatch_order order) {
  const auto before = prepared.extract(line);

  auto& call = begin_call(line, std::move(what));
  call.cancelled = call.cancelled || (before && before.mapped().is_cancelled);
  call.has_parts = order.composite != nullptr;
  look_soon(call);
  schedule_tick();
  self->send(core.requests, dispatch_call{.request = key(line),
                                          .caller = greeting->caller,
                                          .run = std::move(order.run),
                                          .waiting = self,
                                          .cancelled = call.cancelled,
                                          .kind = order.kind,
                                          .retry_of = std::move(order.retry_of),
                                          .composite = std::move(order.composite),
                                          .is_shareable = order.is_shareable});
}

void session_state::watch(std::uint64_t line, pending_call what, const std::string& job,
                          std::optional<std::chrono::milliseconds> patience) {
  auto& call = begin_call(line, std::move(what));
  call.is_watch = true;
  self->send(core.jobs, watch_job{key(line), job, self, patience, greeting->caller->parent});
  if (call.what.wants_status)
    look(line, call);
  schedule_tick();
  if (call.cancelled)
    self->send(core.jobs, unwatch_job{key(line)});
}

void session_state::cancel(const nlohmann::json& id) {
  for (auto& [line, call] : calls) {
    if (call.what.id == id && !call.cancelled)
      cancel_line(line, call);
  }
  cancel_prepared(id);
  const auto open = std::find_if(subscriptions.begin(), subscriptions.end(),
                                 [&](const auto& entry) { return entry.first != 0 && entry.second.id == id; });
  if (open == subscriptions.end())
    return;
  settle(open->first);
  end_subscription(open->first);
}

void session_state::cancel_line(std::uint64_t line, live_call& call) {
  call.cancelled = true;
  if (call.is_watch)
    self->send(core.jobs, unwatch_job{key(line)});
  else
    self->send(core.requests, cancel_request{key(line)});
}

template <class Answer, class Actor, class Question>
void session_state::ask(const Actor& actor, Question question, std::uint64_t line, const nlohmann::json& id,
                        std::string_view what_failed, std::function<void(const Answer&)> then) {
  ++asked;
  self->request(actor, caf::infinite, std::move(question))
      .then(
          [this, then = std::move(then)](const Answer& answer) {
            one_less_asked();
            then(answer);
            close_if_done();
          },
          [this, line, id, what_failed](const caf::error&) {
            one_less_asked();
            reject(line, id, jsonrpc::code::internal_error, what_failed);
            close_if_done();
          });
}

void session_state::with_config(std::uint64_t line, const nlohmann::json& id,
                                std::function<void(const config_snapshot_ptr&)> then) {
  ask<config_snapshot_ptr>(core.config, get_config{}, line, id, "the configuration could not be read; try again",
                           std::move(then));
}

void session_state::with_view(std::uint64_t line, const nlohmann::json& id, std::string_view known_as,
                              directory_view view, std::function<void(const ordered_json&)> then) {
  const auto now = self->clock().now();
  if (!known_as.empty() && known_as == last_view.name && now - last_view.asked_at < limits::view_age) {
    then(*last_view.value);
    return;
  }
  ask<directories_seen>(
      core.viewer, look_at_directories{std::move(view)}, line, id,
      "the directories of the agents could not be looked at; try again",
      [this, now, known_as = std::string{known_as}, then = std::move(then)](const directories_seen& seen) {
        if (!known_as.empty())
          last_view = {known_as, now, seen.value};
        then(*seen.value);
      });
}

void session_state::with_known(std::uint64_t line, const nlohmann::json& id, std::function<void(bool)> then) {
  ask<bool>(core.requests, is_request_known{key(line)}, line, id, "the requests of this supervisor died; try again",
            std::move(then));
}

void session_state::with_agents_edited(std::uint64_t line, const nlohmann::json& id, agent_order order,
                                       std::function<void(const agents_edited&)> then) {
  ask<agents_edited>(core.editor, edit_agents{std::move(order), clock::now() + limits::shared_lock}, line, id,
                     "whoever changes the configuration did not answer; look with list_agents what became of it",
                     std::move(then));
}

void session_state::with_status(std::uint64_t line, const nlohmann::json& id,
                                std::function<void(const supervisor_status&)> then) {
  ask<supervisor_status>(core.supervisor, get_status{}, line, id, "the supervisor did not say how it is; try again",
                         std::move(then));
}

void session_state::with_stop(std::uint64_t line, pending_call what, stop_mode mode,
                              std::function<void(const stop_report&)> then) {
  ask<stop_report>(core.supervisor, stop_supervisor{mode}, line, what.id,
                   "the supervisor could not be stopped; its log says more", std::move(then));
  if (what.wants_status)
    begin_stop(line, std::move(what));
}

void session_state::with_cache_report(std::uint64_t line, const nlohmann::json& id,
                                      std::function<void(const cache_report&)> then) {
  ask<cache_report>(core.requests, get_cache_report{}, line, id, no_cache_answer, std::move(then));
}

void session_state::with_cache_cleared(std::uint64_t line, const nlohmann::json& id,
                                       std::function<void(const cache_cleared&)> then) {
  ask<cache_cleared>(core.requests, clear_cache{}, line, id, no_cache_answer, std::move(then));
}

void session_state::with_job(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                             std::function<void(const job_found&)> then) {
  ask<job_found>(core.jobs, find_job_record{job}, line, id, no_jobs_answer, std::move(then));
}

void session_state::with_job_explained(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                                       std::function<void(const job_explained&)> then) {
  ask<job_explained>(core.jobs, explain_job{job}, line, id, no_jobs_answer, std::move(then));
}

void session_state::with_jobs(std::uint64_t line, const nlohmann::json& id, const list_stored_jobs& order,
                              std::function<void(const jobs_found&)> then) {
  ask<jobs_found>(core.jobs, order, line, id, no_jobs_answer, std::move(then));
}

void session_state::with_job_cancelled(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                                       std::function<void(const job_cancelled&)> then) {
  ask<job_cancelled>(core.jobs, cancel_job{job}, line, id, no_jobs_answer, std::move(then));
}

void session_state::with_jobs_collected(std::uint64_t line, const nlohmann::json& id, const collect_stored_jobs& order,
                                        std::function<void(const jobs_collected&)> then) {
  ask<jobs_collected>(core.jobs, order, line, id, no_jobs_answer, std::move(then));
}

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self, const core_actors& core,
                                     connection_ptr link, std::shared_ptr<const frontend_hello> greeting,
                                     std::unique_ptr<session_dialect> dialect) {
  auto& state = self->state;
  tell_exceptions(self);
  state.core = core;
  state.link = std::move(link);
  state.greeting = std::move(greeting);
  state.dialect = std::move(dialect);
  return {
      [&state](const request_progress& event) { state.progress(event); },
      [&state](const request_answered& event) { state.answer(event); },
      [&state](const frame_received& frame) { state.take(frame); },
      [&state](const connection_closed&) { state.lose(); },
      [&state](const session_tick& tick) { state.tick(tick); },
      [&state](const end_session& order) { state.end(order.mode); },
  };
}

} // namespace agent_dispatch
