#include "actors/job_store.hpp"

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/storage/job_cancel.hpp"
#include "actors/storage/job_search.hpp"

namespace agent_dispatch {

namespace {

write_outcome outcome_of(const expected<void>& written) {
  return {written ? std::nullopt : std::optional{written.error()}};
}

job_change_reply reply_of(expected<changed_record> changed) {
  if (!changed)
    return {tl::unexpected(changed.error())};
  if (changed->outcome == change_outcome::gone)
    return {failure(fault_kind::invalid_argument, job_not_found_sentence(changed->record.id.value))};
  return {std::move(changed->record), changed->outcome == change_outcome::written};
}

} // namespace

double unix_now() { return std::chrono::duration<double>{std::chrono::system_clock::now().time_since_epoch()}.count(); }

void job_store_state::open(std::filesystem::path jobs, std::string owner) {
  files = std::make_unique<job_files>(std::move(jobs), std::move(owner));
  index = std::make_unique<job_index>(*files);
}

job_change_reply job_store_state::change(const change_job& order) const {
  const bool is_end = order.safety == durability::disk;
  death_point(is_end ? "before the end of a job is written" : "before a job is marked");
  auto reply = reply_of(files->update(order.id, order.change, order.safety));
  death_point(is_end ? "after the end of a job is written" : "after a job is marked");
  return reply;
}

job_cancelled job_store_state::cancel(const job_id& id) const {
  death_point("before a cancel is written");
  auto cancelled = cancel_record(*files, id, unix_now());
  death_point("after a cancel is written");
  if (!cancelled)
    return {tl::unexpected(cancelled.error()), nullptr};
  return {cancelled->report, std::make_shared<const job_record>(std::move(cancelled->record))};
}

job_found job_store_state::find(const std::string& text) const { return {find_job(*files, text)}; }

jobs_found job_store_state::list(const list_stored_jobs& order) {
  crash_point("job reader");
  auto found = index->list(order.status, order.limit);
  if (!found)
    return {tl::unexpected(found.error())};
  warn_of(found->skipped);
  return {std::move(found->records)};
}

jobs_collected job_store_state::collect(const collect_stored_jobs& order) {
  const auto gone = files->gc(order.all ? collect::all : collect::older_than_age, order.age, unix_now());
  if (!gone)
    return {tl::unexpected(gone.error())};
  warn_of(gone->skipped);
  return {gone->purged};
}

jobs_found job_store_state::unfinished() {
  auto found = index->unfinished();
  if (!found)
    return {tl::unexpected(found.error())};
  warn_of(found->skipped);
  return {std::move(found->records)};
}

void job_store_state::maintain(const maintain_jobs& order) {
  if (const auto removed = files->remove_leftovers(); removed && *removed > 0)
    log::info("{} files of killed writers removed", *removed);
  recover_stale();
  if (order.retention_days <= 0)
    return;
  const auto gone = collect({.all = false, .age = std::chrono::days{order.retention_days}});
  if (!gone.purged)
    log::warn("{}", gone.purged.error().message);
  else if (*gone.purged > 0)
    log::info("{} job records older than {} days removed", *gone.purged, order.retention_days);
}

void job_store_state::recover_stale() {
  const auto others = index->unfinished_of_others();
  const auto stale = others ? files->recover_stale(unix_now(), *others) : tl::make_unexpected(others.error());
  if (!stale)
    return log::warn("{}", stale.error().message);
  for (const auto& record : stale->records)
    log::info("job {}: another program has abandoned it; it is failed now", record.id.value);
}

void job_store_state::warn_of(const std::vector<skipped_file>& skipped) {
  for (const auto& file : skipped)
    if (complained_of.insert(file.name).second)
      log::warn("{} {}; left alone", file.name, file.why);
}

job_store_actor::behavior_type job_store(job_store_actor::stateful_pointer<job_store_state> self,
                                         std::filesystem::path jobs, std::string owner) {
  auto& state = self->state;
  tell_exceptions(self);
  state.open(std::move(jobs), std::move(owner));
  return {
      [&state](const store_job& order) {
        death_point("before the job is written");
        crash_point("job writer");
        const auto written = outcome_of(state.files->create(*order.record, durability::disk));
        death_point("after the job is written");
        return written;
      },
      [&state](const change_job& order) { return state.change(order); },
      [&state](const settle_job& order) { return reply_of(state.files->replace(*order.record, durability::disk)); },
      [&state](const cancel_stored_job& order) { return state.cancel(order.id); },
      [&state](const touch_jobs& order) {
        for (const auto& id : order.ids)
          std::ignore = state.files->touch(id); // the next one is in ten minutes
      },
      [&state](const find_stored_job& order) { return state.find(order.text); },
      [&state](const list_stored_jobs& order) { return state.list(order); },
      [&state](const collect_stored_jobs& order) { return state.collect(order); },
      [&state](const find_unfinished_jobs&) { return state.unfinished(); },
      [&state](const maintain_jobs& order) { state.maintain(order); },
  };
}

} // namespace agent_dispatch
