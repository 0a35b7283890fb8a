#include "actors/storage/job_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "actors/logic/job_machine.hpp"
#include "actors/logic/job_rules.hpp"
#include "actors/run/unique_fd.hpp"
#include "actors/storage/job_file.hpp"
#include "config/atomic_write.hpp"
#include "config/lock.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;
using reason = unreadable_job_file::reason;

fault as_io(fault problem) {
  if (problem.kind == fault_kind::config_write)
    problem.kind = fault_kind::io;
  return problem;
}

tl::unexpected<fault> unreadable(const fs::path& file, const unreadable_job_file& problem) {
  const auto kind = problem.what == reason::not_a_record ? fault_kind::protocol : fault_kind::io;
  return failure(kind, to_valid_utf8(file.native()) + " " + problem.why +
                           ". It was left alone; look at it, and move it away if it is of no use.");
}

/// The names in a directory; none when there is no such directory.
expected<std::vector<std::string>> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator entry{directory, problem}; !problem && entry != fs::directory_iterator{};
       entry.increment(problem))
    names.push_back(entry->path().filename().native());
  if (problem && problem != std::errc::no_such_file_or_directory)
    return jobs_failure("Looking for job records", directory, problem.value());
  return names;
}

bool is_newer(const job_record& left, const job_record& right) {
  return std::tie(left.created_at, left.id) > std::tie(right.created_at, right.id);
}

/// Keeps the newest of what it is given, without keeping everything until the end.
class newest_records {
public:
  explicit newest_records(std::size_t limit) : limit_{limit} {}

  void add(job_record record) {
    constexpr std::size_t slack = 256;
    records_.push_back(std::move(record));
    if (records_.size() - std::min(limit_, records_.size()) >= slack)
      cut();
  }
  std::vector<job_record> take() {
    cut();
    return std::move(records_);
  }

private:
  void cut() {
    std::sort(records_.begin(), records_.end(), is_newer);
    if (records_.size() > limit_)
      records_.resize(limit_);
  }

  std::size_t limit_;
  std::vector<job_record> records_;
};

void keep_unknown(job_record& record, const job_record& on_disk) {
  for (const auto& [key, value] : on_disk.unknown.items())
    if (!record.unknown.contains(key))
      record.unknown[key] = value;
}

/// The result of a cancelled job's run, to be added to its record.
bool is_settlement(const job_record& record) {
  return record.status == job_status::cancelled && record.result.has_value();
}

} // namespace

/// What every write holds and begins with.
class job_files::locked_directory {
public:
  static expected<locked_directory> open(const job_files& files) {
    if (auto made = make_private_directory(files.directory_); !made)
      return tl::make_unexpected(as_io(made.error()));
    auto lock = file_lock::acquire(files.directory_ / ".jobs.lock", limits::shared_lock);
    if (!lock)
      return tl::make_unexpected(as_io(lock.error()));
    if (files.hook_)
      files.hook_("locked");
    return locked_directory{files, std::move(*lock)};
  }

  /// The record as it is now; absent when there is none.
  expected<std::optional<job_record>> read(const job_id& id) const { return files_.read(id); }

  expected<changed_record> write(job_record record, durability safety) const {
    if (auto written = write_job_file(files_.directory_, record, safety, files_.hook_); !written)
      return tl::make_unexpected(written.error());
    return changed_record{change_outcome::written, std::move(record)};
  }

  /// What a terminal record on disk may still become: itself, with the result of its run.
  expected<changed_record> settle(job_record on_disk, const job_record& record, durability safety) const {
    const bool is_ours = owner_of_record(record.owner, files_.owner_) != job_owner::another_program;
    if (is_settlement(record) && is_ours)
      if (auto settled = job_machine::settle_cancelled(on_disk, *record.result))
        return write(std::move(*settled), safety);
    return changed_record{change_outcome::kept_terminal, std::move(on_disk)};
  }

private:
  locked_directory(const job_files& files, file_lock lock) : files_{files}, lock_{std::move(lock)} {}

  const job_files& files_;
  file_lock lock_;
};

job_files::job_files(fs::path directory, std::string owner, step_hook hook)
    : directory_{std::move(directory)}, owner_{std::move(owner)}, hook_{std::move(hook)} {}

bool job_files::is_record_name(std::string_view name) { return !name.starts_with('.') && name.ends_with(".json"); }

/// It cannot garble a log.
std::string job_files::shown_name(std::string_view name) {
  constexpr unsigned char first_printable = 0x20;
  constexpr unsigned char del = 0x7f;
  auto text = to_valid_utf8(name);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < first_printable || c == del; }, '?');
  return text;
}

fs::path job_files::path_of(const job_id& id) const { return job_file_path(directory_, id); }

expected<std::optional<job_record>> job_files::read(const job_id& id) const {
  if (!is_job_id(id.value))
    return std::nullopt;
  auto file = read_job_file(directory_, id);
  if (file)
    return std::move(file->record);
  if (file.error().what == reason::missing)
    return std::nullopt;
  return unreadable(path_of(id), file.error());
}

expected<void> job_files::create(const job_record& record, durability safety) const {
  if (!is_job_id(record.id.value))
    return failure(fault_kind::invalid_argument, "'" + shown_name(record.id.value) + "' cannot be the id of a job.");
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  struct stat status {};
  if (::lstat(path_of(record.id).c_str(), &status) == 0)
    return failure(fault_kind::invalid_argument, "There is a job " + record.id.value + " already; it was left alone.");
  if (auto written = locked->write(record, safety); !written) {
    // It may be there, and only not be safe: whoever hears that it was not written must not find it later.
    ::unlink(path_of(record.id).c_str());
    return tl::make_unexpected(written.error());
  }
  return {};
}

expected<changed_record> job_files::replace(const job_record& record, durability safety) const {
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  auto on_disk = locked->read(record.id);
  if (!on_disk)
    return tl::make_unexpected(on_disk.error());
  if (!*on_disk && is_settlement(record))
    return changed_record{change_outcome::gone, record};
  if (!*on_disk)
    return locked->write(record, safety);
  if (is_terminal((*on_disk)->status))
    return locked->settle(std::move(**on_disk), record, safety);
  auto whole = record;
  keep_unknown(whole, **on_disk);
  return locked->write(std::move(whole), safety);
}

expected<changed_record> job_files::update(const job_id& id, const transition& change, durability safety) const {
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  auto on_disk = locked->read(id);
  if (!on_disk)
    return tl::make_unexpected(on_disk.error());
  if (!*on_disk)
    return changed_record{change_outcome::gone, job_record{.id = id}};
  if (is_terminal((*on_disk)->status))
    return changed_record{change_outcome::kept_terminal, std::move(**on_disk)};
  auto changed = change(**on_disk);
  if (!changed)
    return tl::make_unexpected(changed.error());
  changed->id = id;
  return locked->write(std::move(*changed), safety);
}

expected<bool> job_files::touch(const job_id& id) const {
  const unique_fd file{::open(path_of(id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
  if (!file && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
    return false;
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0)
    return jobs_failure("Touching the record of job " + id.value, directory_, errno);
  if (!S_ISREG(status.st_mode))
    return false;
  if (::futimens(file.get(), nullptr) != 0)
    return jobs_failure("Touching the record of job " + id.value, directory_, errno);
  return true;
}

job_record in_short(job_record record) {
  constexpr std::size_t task_bytes = 4096; // shown are 120 characters
  record.task = std::string{first_bytes(record.task, task_bytes)};
  // Taken out: assigning an empty text to a long one keeps its memory.
  std::ignore = std::exchange(record.context, {});
  if (record.result) {
    std::ignore = std::exchange(record.result->result, {});
    record.result->parsed_result.reset();
  }
  return record;
}

expected<found_records> job_files::list(std::optional<job_status> status, std::size_t limit) const {
  newest_records newest{limit};
  auto skipped = for_each([&](job_record record, double) {
    if (!status || record.status == *status)
      newest.add(in_short(std::move(record)));
  });
  if (!skipped)
    return tl::make_unexpected(skipped.error());
  return found_records{newest.take(), std::move(*skipped)};
}

expected<std::vector<job_id>> job_files::find_by_prefix(std::string_view prefix, std::size_t limit) const {
  constexpr std::string_view digits = "0123456789abcdef";
  if (prefix.empty() || prefix.find_first_not_of(digits) != std::string_view::npos)
    return std::vector<job_id>{};
  const auto names = names_in(directory_);
  if (!names)
    return tl::make_unexpected(names.error());
  std::vector<job_id> found;
  for (const auto& name : *names)
    if (auto id = job_id_of_name(name); !id.empty() && id.value.starts_with(prefix))
      found.push_back(std::move(id));
  std::sort(found.begin(), found.end());
  found.resize(std::min(found.size(), limit));
  return found;
}

bool job_files::is_unfinished(const job_record& record) const {
  return !is_terminal(record.status) && owner_of_record(record.owner, owner_) != job_owner::another_program;
}

expected<found_records> job_files::unfinished() const {
  found_records found;
  auto skipped = for_each([&](job_record record, double) {
    if (is_unfinished(record))
      found.records.push_back(std::move(record));
  });
  if (!skipped)
    return tl::make_unexpected(skipped.error());
  std::sort(found.records.begin(), found.records.end(),
            [](const auto& left, const auto& right) { return is_newer(right, left); });
  found.skipped = std::move(*skipped);
  return found;
}

expected<collected_records> job_files::gc(collect which, std::chrono::duration<double> age, double now) const {
  const auto limit = which == collect::all ? age.zero() : age;
  std::vector<job_id> old;
  auto skipped = for_each([&](const job_record& record, double) {
    if (is_collectable(record, limit, now))
      old.push_back(record.id);
  });
  if (!skipped)
    return tl::make_unexpected(skipped.error());
  collected_records collected{0, std::move(*skipped)};
  if (old.empty())
    return collected;
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  for (const auto& id : old) {
    const auto record = locked->read(id);
    if (!record || !*record || !is_collectable(**record, limit, now))
      continue;
    if (::unlink(path_of(id).c_str()) == 0)
      ++collected.purged;
    else if (errno != ENOENT)
      return jobs_failure("Removing the record of job " + id.value, directory_, errno);
  }
  return collected;
}

expected<found_records> job_files::recover_stale(double now) const {
  std::vector<job_id> stale;
  auto skipped = for_each([&](const job_record& record, double modified) {
    const bool is_foreign = owner_of_record(record.owner, owner_) == job_owner::another_program;
    if (is_foreign && staleness(record, modified, now) != job_staleness::fresh)
      stale.push_back(record.id);
  });
  if (!skipped)
    return tl::make_unexpected(skipped.error());
  auto found = recover_stale(now, stale);
  if (found)
    found->skipped = std::move(*skipped);
  return found;
}

expected<found_records> job_files::recover_stale(double now, const std::vector<job_id>& candidates) const {
  found_records found;
  for (const auto& id : candidates) {
    auto given_up = give_up_stale(id, now);
    if (!given_up)
      return tl::make_unexpected(given_up.error());
    if (given_up->outcome == change_outcome::written)
      found.records.push_back(std::move(given_up->record));
  }
  return found;
}

expected<changed_record> job_files::give_up_stale(const job_id& id, double now) const {
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  auto file = read_job_file(directory_, id);
  if (!file)
    return changed_record{change_outcome::gone, job_record{.id = id}};
  const auto why = staleness(file->record, file->modified, now); // its program may have come back to it
  if (why == job_staleness::fresh)
    return changed_record{change_outcome::kept_terminal, std::move(file->record)};
  auto failed = job_machine::fail(std::move(file->record), now, stale_sentence(why));
  if (!failed)
    return tl::make_unexpected(failed.error());
  return locked->write(std::move(*failed), durability::disk);
}

expected<std::size_t> job_files::remove_leftovers() const {
  const auto names = names_in(directory_);
  if (!names)
    return tl::make_unexpected(names.error());
  if (std::none_of(names->begin(), names->end(), is_temporary_job_file))
    return std::size_t{0};
  const auto locked = locked_directory::open(*this);
  if (!locked)
    return tl::make_unexpected(locked.error());
  const auto removed = std::count_if(names->begin(), names->end(), [this](const auto& name) {
    return is_temporary_job_file(name) && remove_if_abandoned(directory_ / name);
  });
  return static_cast<std::size_t>(removed);
}

expected<std::vector<skipped_file>> job_files::for_each(const visitor& visit) const {
  const auto names = names_in(directory_);
  if (!names)
    return tl::make_unexpected(names.error());
  std::vector<skipped_file> skipped;
  for (const auto& name : *names) {
    if (!is_record_name(name))
      continue;
    const auto id = job_id_of_name(name);
    if (id.empty()) {
      skipped.push_back({shown_name(name), std::string{not_named_like_a_job}});
      continue;
    }
    auto file = read_job_file(directory_, id);
    if (file)
      visit(std::move(file->record), file->modified);
    else if (file.error().what != reason::missing)
      skipped.push_back({shown_name(name), file.error().why});
  }
  return skipped;
}

} // namespace agent_dispatch
