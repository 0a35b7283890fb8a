#include "actors/storage/job_cancel.hpp"

#include "actors/logic/job_machine.hpp"
#include "actors/storage/job_search.hpp"

namespace agent_dispatch {

expected<cancelled_record> cancel_record(const job_files& files, const job_id& id, double now) {
  std::optional<cancelled_record> untouched;
  std::optional<cancel_report> report;
  const auto mark = [&](const job_record& on_disk) -> expected<job_record> {
    report = report_of_cancel(on_disk, owner_of_record(on_disk.owner, files.owner()));
    if (report->outcome != cancel_outcome::running)
      return job_machine::cancel(on_disk, now, cancelled_sentence(on_disk));
    untouched = cancelled_record{*report, on_disk};
    return failure(fault_kind::cancelled, report->message);
  };
  auto changed = files.update(id, mark, durability::disk);
  if (untouched)
    return std::move(*untouched);
  if (!changed)
    return tl::make_unexpected(changed.error());
  if (changed->outcome == change_outcome::gone)
    return failure(fault_kind::invalid_argument, job_not_found_sentence(id.value));
  if (!report) // terminal, so it was not shown to `mark`
    report = report_of_cancel(changed->record, job_owner::ours);
  return cancelled_record{std::move(*report), std::move(changed->record)};
}

} // namespace agent_dispatch
