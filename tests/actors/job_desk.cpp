#include "tests/actors/job_desk.hpp"

#include <catch2/catch.hpp>

#include "actors/storage/job_file.hpp"

namespace agent_dispatch {

namespace {

constexpr std::uint64_t watch_lines = 100;

template <class Result, class Work>
caf::result<Result> sooner_or_later(store_script& store, job_store_actor::pointer self, Work work) {
  if (!store.holds)
    return work();
  auto promise = self->make_response_promise<Result>();
  store.held.push_back([self, promise, work]() mutable {
    self->context(nullptr); // its worker of before is gone
    promise.deliver(work());
  });
  return promise;
}

template <class Work>
void sooner_or_later(store_script& store, Work work) {
  if (store.holds)
    store.held.push_back(work);
  else
    work();
}

std::string word(const write_outcome& outcome, std::string good) {
  return outcome.problem ? "not " + std::move(good) + ": " + std::string{describe(outcome.problem->kind)} : good;
}

std::string word(const job_found& found, std::string good) {
  return found.record ? std::move(good) + ", " + std::string{to_string(found.record->status)}
                      : "not " + good + ": " + std::string{describe(found.record.error().kind)};
}

} // namespace

dispatch_answer failed_answer() {
  dispatch_result result;
  result.agent = {"alpha"};
  result.error = "no boxes";
  result.error_type = error_type::cli_error;
  return {std::move(result)};
}

store_script::store_script(actor_world& in, std::string name, const std::filesystem::path& directory) : world{in} {
  state.open(directory, desk_mark);
  const auto make = [this, name](job_store_actor::pointer self) -> job_store_actor::behavior_type {
    return {
        [this, self](const store_job& order) {
          return sooner_or_later<write_outcome>(*this, self, [this, order]() -> write_outcome {
            if (problem)
              return {problem};
            const auto written = state.files->create(*order.record, durability::page_cache);
            return {written ? std::nullopt : std::optional{written.error()}};
          });
        },
        [this, self](const change_job& order) {
          return sooner_or_later<job_change_reply>(*this, self, [this, order]() -> job_change_reply {
            return problem ? job_change_reply{tl::unexpected(*problem)} : state.change(order);
          });
        },
        [this, self](const settle_job& order) {
          return sooner_or_later<job_change_reply>(*this, self, [this, order]() -> job_change_reply {
            if (const auto& why = problem ? problem : settle_problem)
              return {tl::unexpected(*why)};
            auto settled = state.files->replace(*order.record, durability::page_cache);
            if (!settled)
              return {tl::unexpected(settled.error())};
            return {std::move(settled->record), settled->outcome == change_outcome::written};
          });
        },
        [this, self](const cancel_stored_job& order) -> caf::result<job_cancelled> {
          if (failures > 0) {
            --failures;
            return caf::make_error(caf::sec::request_receiver_down);
          }
          return sooner_or_later<job_cancelled>(*this, self, [this, order]() -> job_cancelled {
            return problem ? job_cancelled{tl::unexpected(*problem), nullptr} : state.cancel(order.id);
          });
        },
        [this, name](const touch_jobs& order) { world.note(name + ": touch " + std::to_string(order.ids.size())); },
        [this, self](const find_stored_job& order) -> caf::result<job_found> {
          if (failures > 0) {
            --failures;
            return caf::make_error(caf::sec::request_receiver_down);
          }
          return sooner_or_later<job_found>(*this, self, [this, order] { return state.find(order.text); });
        },
        [this, self](const list_stored_jobs& order) {
          return sooner_or_later<jobs_found>(*this, self, [this, order] { return state.list(order); });
        },
        [this, self](const collect_stored_jobs& order) {
          return sooner_or_later<jobs_collected>(*this, self, [this, order] { return state.collect(order); });
        },
        [this, self](const find_unfinished_jobs&) {
          return sooner_or_later<jobs_found>(*this, self, [this] { return state.unfinished(); });
        },
        [this, name](const maintain_jobs&) {
          sooner_or_later(*this, [this, name] { world.note(name + ": maintain"); });
        },
    };
  };
  actor = world.keep(world.system().spawn(make));
}

void store_script::work(std::size_t count) {
  for (; count > 0 && !held.empty(); --count) {
    const auto next = std::move(held.front());
    held.pop_front();
    next();
    world.settle();
  }
}

job_desk::job_desk()
    : jobs{world.keep(
          world.system().spawn(job_registry, job_stores{writer.actor, reader.actor}, admission->actor, desk_mark))} {
  world.tell(jobs, serve_requests{requests});
}

job_record job_desk::foreign(unsigned line, job_status status) {
  job_record record{.id = id_of(line), .agent = {"shop"}, .task = "theirs", .status = status};
  record.created_at = unix_now();
  if (status != job_status::pending)
    record.started_at = record.created_at;
  return record;
}

job_record job_desk::left_behind(unsigned line, job_status status) {
  auto record = foreign(line, status);
  record.owner = desk_mark;
  record.session = session_id{"5e551011-0000-4000-8000-000000000000"};
  if (is_terminal(status))
    record.completed_at = record.created_at;
  return record;
}

job_id job_desk::id_of(unsigned line) {
  const auto digits = std::to_string(line);
  return {digits + std::string(32 - digits.size(), 'a')};
}

std::shared_ptr<run_spec> job_desk::spec(unsigned line) {
  auto spec = spec_of("front." + std::to_string(line) + ".0");
  spec->job = id_of(line);
  spec->request.task = "count the boxes";
  return spec;
}

void job_desk::create(unsigned line) {
  ask<write_outcome>(create_job{{desk_front, line}, spec(line)}, std::to_string(line),
                     [](const write_outcome& outcome) { return word(outcome, "created"); });
}

void job_desk::start(unsigned line) {
  ask<bool>(start_job{id_of(line)}, std::to_string(line),
            [](bool may) { return std::string{may ? "may start" : "may not start"}; });
}

void job_desk::progress(unsigned line, std::string text) {
  world.tell(jobs, job_progressed{id_of(line), {progress_kind::text, std::move(text)}});
}

void job_desk::finish(unsigned line, dispatch_answer answer) {
  ask<write_outcome>(finish_job{id_of(line), std::move(answer)}, std::to_string(line),
                     [](const write_outcome& outcome) { return word(outcome, "finished"); });
}

void job_desk::adopt(unsigned line) {
  ask<job_found>(adopt_job{{desk_front, line}, spec(line)}, std::to_string(line),
                 [](const job_found& found) { return word(found, "adopted"); });
}

void job_desk::fail(unsigned line, bool has_session) {
  ask<write_outcome>(fail_job{id_of(line), "never started", has_session}, std::to_string(line),
                     [](const write_outcome& outcome) { return word(outcome, "failed"); });
}

void job_desk::keep_result(unsigned line) {
  auto kept = spec(line);
  kept->ref = std::exchange(kept->job, {});
  ask<write_outcome>(agent_dispatch::keep_result{kept, *answer_of("forty-two").value}, std::to_string(line),
                     [](const write_outcome& outcome) { return word(outcome, "kept"); });
}

void job_desk::cancel(unsigned line) { cancel(id_of(line).value, std::to_string(line)); }

void job_desk::cancel(const std::string& text, const std::string& shown) {
  ask<job_cancelled>(cancel_job{text}, shown, [](const job_cancelled& done) {
    return "cancel: " + std::string{done.report ? to_string(done.report->outcome) : describe(done.report.error().kind)};
  });
}

void job_desk::find(const std::string& text) {
  ask<job_found>(find_job_record{text}, text, [](const job_found& found) { return word(found, "found"); });
}

void job_desk::collect_all() {
  ask<jobs_collected>(collect_stored_jobs{true, {}}, "gc",
                      [](const jobs_collected& gone) { return "purged " + std::to_string(gone.purged.value()); });
}

void job_desk::make_running(unsigned line) {
  create(line);
  start(line);
  CHECK(world.heard() == lines{std::to_string(line) + " created", std::to_string(line) + " may start"});
}

void job_desk::watch(unsigned line, std::optional<std::chrono::milliseconds> patience, std::optional<run_key> waiter) {
  watch_text(watch_lines + line, id_of(line).value, patience, std::move(waiter));
}

void job_desk::watch_text(std::uint64_t request, std::string text, std::optional<std::chrono::milliseconds> patience,
                          std::optional<run_key> waiter) {
  world.tell(jobs, watch_job{{desk_front, request}, std::move(text), asker->actor, patience, std::move(waiter)});
}

void job_desk::unwatch(unsigned line) {
  caf::send_as(asker->actor, jobs, unwatch_job{{desk_front, watch_lines + line}});
  world.settle();
}

job_record job_desk::read(const job_id& id) const {
  const auto record = files.read(id);
  if (!record)
    FAIL(record.error().message);
  REQUIRE(*record);
  return **record;
}

job_record job_desk::on_disk(unsigned line) const { return read(id_of(line)); }

bool job_desk::is_on_disk(unsigned line) const { return std::filesystem::exists(files.path_of(id_of(line))); }

void job_desk::remove(unsigned line) const { REQUIRE(std::filesystem::remove(files.path_of(id_of(line)))); }

void job_desk::overwrite(job_record record) const {
  const auto written = write_job_file(directory.path(), record, durability::page_cache, {});
  if (!written)
    FAIL(written.error().message);
}

void job_desk::hold() { writer.holds = reader.holds = true; }

void job_desk::release() {
  writer.holds = reader.holds = false;
  writer.work();
  reader.work();
}

} // namespace agent_dispatch
