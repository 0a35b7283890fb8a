#include "tests/actors/interleavings/actor_stage.hpp"

#include <algorithm>

#include <cxxabi.h>

#include "actors/log.hpp"

namespace agent_dispatch::interleavings {

namespace {

std::size_t waiting_in(caf::scheduled_actor& actor) {
  auto& mailbox = actor.mailbox();
  // Looked at while it is blocked, a mailbox would no longer wake its actor.
  return mailbox.closed() || mailbox.blocked() ? 0 : mailbox.size();
}

caf::detail::test_actor_clock& test_clock(still_system& system) {
  return dynamic_cast<caf::detail::test_actor_clock&>(system.scheduler().clock());
}

/// What a message says beside what it is about.
std::string content_of(const caf::type_erased_tuple& message) {
  if (message.match_elements<run_progress>())
    return interleavings::words(message.get_as<run_progress>(0).event);
  if (message.match_elements<request_progress>())
    return interleavings::words(message.get_as<request_progress>(0).event);
  if (message.match_elements<job_progressed>())
    return interleavings::words(message.get_as<job_progressed>(0).event);
  if (message.match_elements<run_finished>())
    return interleavings::words(message.get_as<run_finished>(0).answer);
  if (message.match_elements<request_answered>())
    return interleavings::words(message.get_as<request_answered>(0).answer);
  if (message.match_elements<finish_job>())
    return interleavings::words(message.get_as<finish_job>(0).answer);
  if (message.match_elements<run_granted>()) {
    const auto& grant = message.get_as<run_granted>(0);
    return (grant.borrowed_from ? "borrowed from " + grant.borrowed_from->value : "") +
           (grant.past_max_parallel ? " past" : "");
  }
  if (message.match_elements<launch_run>()) {
    const auto& order = message.get_as<launch_run>(0);
    return (order.borrowed_from ? "borrowed from " + order.borrowed_from->value : "") +
           (order.which == attempt::first ? "" : " again");
  }
  if (message.match_elements<begin_run>()) {
    const auto& order = message.get_as<begin_run>(0);
    return order.borrowed_from ? "borrowed from " + order.borrowed_from->value : "";
  }
  if (message.match_elements<job_change_reply>()) {
    const auto& reply = message.get_as<job_change_reply>(0);
    return (reply.record ? interleavings::words(*reply.record) : "fault") + (reply.written ? "" : ", not written");
  }
  if (message.match_elements<job_found>()) {
    const auto& found = message.get_as<job_found>(0);
    return found.record ? interleavings::words(*found.record) : "fault";
  }
  if (message.match_elements<job_cancelled>()) {
    const auto& cancelled = message.get_as<job_cancelled>(0);
    return (cancelled.report ? std::string{to_string(cancelled.report->outcome)} : "fault") +
           (cancelled.record ? " " + interleavings::words(*cancelled.record) : "");
  }
  if (message.match_elements<write_outcome>())
    return message.get_as<write_outcome>(0).problem ? "fault" : "good";
  if (message.match_elements<exit_report>()) {
    const auto& report = message.get_as<exit_report>(0);
    return report.record && *report.record ? std::to_string(static_cast<int>((*report.record)->reason)) : "none";
  }
  if (message.match_elements<output_chunk>())
    return message.get_as<output_chunk>(0).bytes;
  if (message.match_elements<run_keys>()) {
    std::string all;
    for (const auto& key : message.get_as<run_keys>(0))
      all += key.value + " ";
    return all;
  }
  if (message.match_elements<bool>())
    return message.get_as<bool>(0) ? "true" : "false";
  if (message.match_elements<dispatch_call>())
    return message.get_as<dispatch_call>(0).cancelled ? "cancelled" : "";
  if (message.match_elements<discard_request>())
    return message.get_as<discard_request>(0).keeps_run ? "alone" : "";
  return "";
}

std::string type_name(const caf::type_erased_tuple& message) {
  const auto* type = message.type(0).second;
  if (type == nullptr) // one of CAF's own; what it says may differ each time
    return message.match_elements<bool>() ? "bool" : message.match_elements<caf::down_msg>() ? "down_msg" : "value";
  static std::map<const std::type_info*, std::string> names;
  if (const auto known = names.find(type); known != names.end())
    return known->second;
  const std::unique_ptr<char, void (*)(void*)> plain{abi::__cxa_demangle(type->name(), nullptr, nullptr, nullptr),
                                                     std::free};
  std::string name = plain ? plain.get() : type->name();
  constexpr std::string_view ours = "agent_dispatch::";
  return names[type] = name.starts_with(ours) ? name.substr(ours.size()) : name;
}

template <class Message>
std::string about(const Message& message) {
  if constexpr (requires { message.spec->key; })
    return message.spec->key.value;
  else if constexpr (requires { message.run.value; })
    return message.run.value;
  else if constexpr (requires { message.request->key; })
    return message.request->key.text();
  else if constexpr (requires { message.request.text(); })
    return message.request.text();
  else
    return message.frontend.value;
}

template <class... Messages>
std::string about_one_of(const caf::type_erased_tuple& message) {
  std::string text;
  const auto look = [&]<class Message>(std::type_identity<Message>) {
    if (!message.match_elements<Message>())
      return false;
    text = " " + about(message.get_as<Message>(0));
    return true;
  };
  std::ignore = (look(std::type_identity<Messages>{}) || ...);
  return text;
}

} // namespace

std::string words(const dispatch_answer& answer) {
  if (answer.job)
    return "job " + std::string{to_string(answer.job->status)};
  if (!answer.value)
    return std::string{describe(answer.value.error().kind)};
  return answer.value->success ? "success" : std::string{to_string(*answer.value->error_type)};
}

std::string words(const job_record& record) {
  return std::string{to_string(record.status)} + (record.result ? " with result" : "");
}

std::string words(const progress_event& event) {
  switch (event.kind) {
  case progress_kind::queued:
    return "queued";
  case progress_kind::started:
    return "started";
  default:
    return event.text;
  }
}

std::string words(const caf::type_erased_tuple& message) {
  if (message.size() == 0)
    return "nothing";
  const auto content = content_of(message);
  return type_name(message) +
         about_one_of<dispatch_call, cancel_request, request_acknowledged, execute_run, adopt_run, admit_run,
                      readmit_run, release_run, withdraw_run, run_granted, run_progress, run_finished, cancel_run,
                      launch_run, read_exit, sweep_run, discard_run, record_request, discard_request, create_job,
                      adopt_job, watch_job, unwatch_job, request_progress, request_answered, is_frontend_alive,
                      frontend_arrived, frontend_disconnected, recheck_frontend, get_queued_descendants, leave_parent>(
             message) +
         (content.empty() ? "" : " (" + content + ")");
}

still_system::still_system() {
  spdlog::set_level(spdlog::level::off);
  system_.await_actors_before_shutdown(false);
}

void actor_stage::leave() {
  for (std::size_t i = 0; i < members_.size(); ++i) { // which may make more
    caf::anon_send_exit(caf::actor_cast<caf::actor>(members_[i].actor), caf::exit_reason::kill);
    if (i + 1 == members_.size())
      settle();
  }
  system_.scheduler().clock().cancel_all();
}

void actor_stage::admit(std::string name, caf::strong_actor_ptr actor) {
  auto* self = dynamic_cast<caf::scheduled_actor*>(caf::actor_cast<caf::abstract_actor*>(actor));
  members_.push_back({std::move(name), std::move(actor), self});
}

std::vector<std::string> actor_stage::possible() {
  std::vector<std::string> names;
  for (const auto& each : members_)
    if (each.waiting > 0)
      names.push_back(each.name);
  for (const auto& each : happenings_)
    if (!each.has_happened && each.possible())
      names.push_back(each.name);
  if (names.empty() && ticks_ < most_ticks && is_waiting())
    names.emplace_back("clock");
  return names;
}

step actor_stage::take(const std::string& process) {
  touched_.clear();
  step done;
  const auto timers = test_clock(system_).schedule().size();
  const auto actor = std::find_if(members_.begin(), members_.end(),
                                  [&](const auto& each) { return each.name == process && each.waiting > 0; });
  const auto event = std::find_if(happenings_.begin(), happenings_.end(),
                                  [&](const auto& each) { return each.name == process && !each.has_happened; });
  if (actor != members_.end()) {
    auto& self = *actor->self;
    done.label = process + ": " + words(self.mailbox().peek()->content());
    --actor->waiting;
    turn(self);
  } else if (event != happenings_.end()) {
    done.label = process;
    event->has_happened = true;
    event->happen();
    for (const auto& thing : event->things)
      touch(thing);
  } else {
    done.label = "time goes by";
    done.is_barrier = true;
    ++ticks_;
    system_.scheduler().trigger_timeout();
  }
  settle_newborn();
  for (auto& each : members_) {
    const auto now = waiting_in(*each.self);
    if (now > each.waiting)
      done.mailed.emplace_back(each.name, static_cast<int>(now - each.waiting));
    each.waiting = now;
  }
  if (test_clock(system_).schedule().size() != timers)
    touch("clock");
  done.touched = std::move(touched_);
  return done;
}

std::vector<std::pair<std::string, int>> actor_stage::mailed_before() {
  std::vector<std::pair<std::string, int>> mailed;
  for (auto& each : members_)
    if (each.waiting = waiting_in(*each.self); each.waiting > 0)
      mailed.emplace_back(each.name, static_cast<int>(each.waiting));
  return mailed;
}

void actor_stage::begin_when(const std::function<bool()>& is_so) {
  mailed_before();
  while (!is_so()) {
    const auto next = possible();
    if (next.empty())
      throw std::logic_error("the world never comes to where its orders begin");
    take(next.front());
  }
}

void actor_stage::turn(caf::scheduled_actor& actor) {
  auto& jobs = system_.scheduler().jobs;
  const auto place = std::find(jobs.begin(), jobs.end(), static_cast<caf::resumable*>(&actor));
  if (place == jobs.end())
    throw std::logic_error("an actor with a message is not scheduled");
  std::rotate(jobs.begin(), place, place + 1);
  system_.scheduler().run_once();
}

void actor_stage::settle_newborn() {
  auto& jobs = system_.scheduler().jobs;
  for (std::size_t i = 0; i < jobs.size();) {
    auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs[i]);
    const bool is_known =
        std::any_of(members_.begin(), members_.end(), [&](const auto& each) { return each.self == actor; });
    if (!is_known)
      admit(std::string{actor->name()} + " " + std::to_string(members_.size()), actor->ctrl());
    if (waiting_in(*actor) > 0) {
      ++i;
      continue;
    }
    turn(*actor);
    i = 0;
  }
}

} // namespace agent_dispatch::interleavings
