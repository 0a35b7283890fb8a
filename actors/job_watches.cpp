#include "actors/job_registry.hpp"

#include "actors/log.hpp"

/// Those who wait for jobs, of ours and of other programs.
namespace agent_dispatch {

namespace {

dispatch_answer reader_died() { return {failure(fault_kind::lost, "the store of job records died; try again")}; }

} // namespace

void job_registry_state::begin_watch(const watch_job& order) {
  // A frontend that comes again may be here before its first session has noticed that its connection is gone.
  if (const auto before = watches.find(order.request); before != watches.end())
    take_watch(before);
  const auto number = ++watch_count;
  const auto request = order.request;
  watches.emplace(request, watch{.job = {}, .asker = order.asker, .waiter = order.waiter, .number = number});
  if (order.patience)
    self->delayed_send(self, *order.patience, watch_timeout{request, number});
  if (const auto* job = find_live({order.text})) {
    attach(request, {job->record});
    return;
  }
  self->request(stores.reader, caf::infinite, find_stored_job{order.text})
      .then(
          [this, request, number](const job_found& found) {
            if (find_watch(request, number) != nullptr)
              attach(request, found);
          },
          [this, request](const caf::error&) { end_watch(request, reader_died()); });
}

void job_registry_state::give_up_watch(const request_key& request) {
  const auto place = watches.find(request);
  if (place == watches.end())
    return;
  const auto& sender = self->current_sender();
  if (sender && sender != caf::actor_cast<caf::strong_actor_ptr>(place->second.asker))
    return; // an earlier session of the frontend, on its way out
  end_watch(request, {failure(fault_kind::cancelled, "no longer waited for")});
}

void job_registry_state::drop_watches(const caf::actor_addr& asker) {
  for (auto place = watches.begin(); place != watches.end();) {
    const auto each = place++;
    if (each->second.asker.address() == asker)
      take_watch(each);
  }
}

caf::result<job_standing_ptr> job_registry_state::standing(const request_key& request) {
  const auto place = watches.find(request);
  const auto* job = place == watches.end() ? nullptr : find_live(place->second.job);
  if (job == nullptr)
    return job_standing_ptr{};
  job_standing known{.is_running = job->record.status != job_status::pending, .place = {}};
  if (known.is_running || !requests)
    return std::make_shared<const job_standing>(std::move(known));
  auto promise = self->make_response_promise<job_standing_ptr>();
  self->request(requests, caf::infinite, get_request_position{job->request})
      .then(
          [known, promise](const queue_position_ptr& where) mutable {
            known.place = where;
            promise.deliver(std::make_shared<const job_standing>(known));
          },
          [known, promise](const caf::error&) mutable {
            promise.deliver(std::make_shared<const job_standing>(known));
          });
  return promise;
}

job_registry_state::watch* job_registry_state::find_watch(const request_key& request, std::uint64_t number) {
  const auto place = watches.find(request);
  return place == watches.end() || place->second.number != number ? nullptr : &place->second;
}

void job_registry_state::attach(const request_key& request, const job_found& found) {
  const auto place = watches.find(request);
  if (place == watches.end())
    return;
  if (!found.record) {
    end_watch(request, {tl::unexpected(found.record.error())});
    return;
  }
  auto& each = place->second;
  each.job = found.record->id;
  const auto* job = find_live(each.job);
  // Read from disk, it may be older than what is known here.
  const auto& record = job == nullptr ? *found.record : job->record;
  if (is_terminal(record.status) || each.is_late) {
    end_watch(request, {.value = dispatch_result{},
                        .job = std::make_shared<const job_record>(record),
                        .not_kept = job == nullptr ? std::nullopt : job->unsaved});
    return;
  }
  for (const auto& line : record.progress)
    self->send(each.asker, request_progress{request, {progress_kind::note, line}});
  each.is_live = job != nullptr;
  if (job != nullptr && each.waiter)
    self->send(admission, add_wait{*each.waiter, job->run});
  keep_ticking();
}

void job_registry_state::look_at_others() {
  for (auto& [request, each] : watches) {
    if (each.is_live || each.is_looking || each.job.empty())
      continue;
    each.is_looking = true;
    self->request(stores.reader, caf::infinite, find_stored_job{each.job.value})
        .then(
            [this, key = request, number = each.number](const job_found& found) {
              auto* looking = find_watch(key, number);
              if (looking == nullptr)
                return;
              looking->is_looking = false;
              if (!found.record || is_terminal(found.record->status))
                attach(key, found);
            },
            [this, key = request, number = each.number](const caf::error&) {
              log::warn("the store of job records does not answer");
              if (auto* looking = find_watch(key, number))
                looking->is_looking = false; // it is looked at again
            });
  }
}

job_registry_state::watch job_registry_state::take_watch(std::map<request_key, watch>::iterator place) {
  auto taken = std::move(place->second);
  watches.erase(place);
  if (const auto* job = find_live(taken.job); job != nullptr && taken.is_live && taken.waiter)
    self->send(admission, remove_wait{*taken.waiter, job->run});
  return taken;
}

void job_registry_state::end_watch(const request_key& request, dispatch_answer answer) {
  if (const auto place = watches.find(request); place != watches.end())
    self->send(take_watch(place).asker, request_answered{request, std::move(answer)});
}

void job_registry_state::time_out(const watch_timeout& event) {
  auto* each = find_watch(event.request, event.number);
  if (each == nullptr)
    return;
  if (each->job.empty()) {
    each->is_late = true;
    return;
  }
  if (const auto* job = find_live(each->job)) {
    end_watch(event.request, {.value = dispatch_result{}, .job = std::make_shared<const job_record>(job->record)});
    return;
  }
  each->is_late = true;
  self->request(stores.reader, caf::infinite, find_stored_job{each->job.value})
      .then(
          [this, event](const job_found& found) {
            if (find_watch(event.request, event.number) != nullptr)
              attach(event.request, found);
          },
          [this, request = event.request](const caf::error&) { end_watch(request, reader_died()); });
}

std::vector<request_key> job_registry_state::waiting_for(const job_id& id) const {
  std::vector<request_key> its;
  for (const auto& [request, each] : watches)
    if (each.job == id)
      its.push_back(request);
  return its;
}

void job_registry_state::tell_end(const job_record& record, const std::optional<fault>& unsaved) {
  const auto shared = std::make_shared<const job_record>(record);
  for (const auto& request : waiting_for(record.id))
    end_watch(request, {.value = dispatch_result{}, .job = shared, .not_kept = unsaved});
}

} // namespace agent_dispatch
