#include "actors/storage/job_index.hpp"

#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "actors/storage/job_file.hpp"

namespace agent_dispatch {

namespace {

using reason = unreadable_job_file::reason;

/// Everything that can give a name another content. Records come by rename; what another program writes in place
/// is looked at as it grows.
constexpr std::uint32_t watched_events = IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE |
                                         IN_ATTRIB | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/// Where nobody else writes but by way of this kernel, which tells of it.
bool is_local(const std::filesystem::path& directory) {
  constexpr std::uint32_t zfs_magic = 0x2fc12fc1; // in no header
  constexpr std::array<std::uint32_t, 7> local{
      BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
      TMPFS_MAGIC,       XFS_SUPER_MAGIC,  zfs_magic};
  struct statfs status {};
  return ::statfs(directory.c_str(), &status) == 0 &&
         std::find(local.begin(), local.end(), static_cast<std::uint32_t>(status.f_type)) != local.end();
}

/// How many records may change while a list is made without making it shorter.
constexpr std::size_t list_slack = 64;

std::size_t add_slack(std::size_t limit) { return limit + std::min(list_slack, SIZE_MAX - limit); }

int digit_value(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

const std::vector<job_status>& every_status() {
  static const std::vector<job_status> all{job_status::pending, job_status::running, job_status::done,
                                           job_status::failed, job_status::cancelled};
  return all;
}

} // namespace

std::size_t job_index::hash_of_id::operator()(const packed_id& id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash); // random already
  return hash;
}

job_index::packed_id job_index::pack(const job_id& id) {
  packed_id packed{};
  for (std::size_t at = 0; at < packed.size(); ++at)
    packed[at] = static_cast<unsigned char>(digit_value(id.value[2 * at]) * 16 + digit_value(id.value[2 * at + 1]));
  return packed;
}

job_id job_index::unpack(const packed_id& id) {
  constexpr std::string_view digits = "0123456789abcdef";
  job_id unpacked;
  for (const auto byte : id)
    unpacked.value.append({digits[byte >> 4U], digits[byte & 15U]});
  return unpacked;
}

expected<found_records> job_index::list(std::optional<job_status> status, std::size_t limit) {
  if (auto fresh = refresh(); !fresh)
    return tl::make_unexpected(fresh.error());
  found_records found;
  for (const auto& id : newest(status ? std::vector{*status} : every_status(), add_slack(limit))) {
    if (found.records.size() == limit)
      break;
    auto record = files_.read(unpack(id));
    if (!record && record.error().kind == fault_kind::io)
      return tl::make_unexpected(record.error());
    // What has changed since it was looked at has done so while we answer.
    if (record && *record && (!status || (*record)->status == *status))
      found.records.push_back(in_short(std::move(**record)));
  }
  found.skipped = skipped();
  return found;
}

expected<std::vector<job_record>> job_index::open_records() {
  if (auto fresh = refresh(); !fresh)
    return tl::make_unexpected(fresh.error());
  std::vector<job_record> open;
  const auto ids = newest({job_status::pending, job_status::running}, jobs_.size());
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    auto record = files_.read(unpack(*id));
    if (!record && record.error().kind == fault_kind::io)
      return tl::make_unexpected(record.error());
    if (record && *record && !is_terminal((*record)->status))
      open.push_back(std::move(**record));
  }
  return open;
}

expected<found_records> job_index::unfinished() {
  auto open = open_records();
  if (!open)
    return tl::make_unexpected(open.error());
  std::erase_if(*open, [this](const auto& record) { return !files_.is_unfinished(record); });
  return found_records{std::move(*open), skipped()};
}

expected<std::vector<job_id>> job_index::unfinished_of_others() {
  const auto open = open_records();
  if (!open)
    return tl::make_unexpected(open.error());
  std::vector<job_id> ids;
  for (const auto& record : *open)
    if (!files_.is_unfinished(record))
      ids.push_back(record.id);
  return ids;
}

expected<void> job_index::refresh() {
  if (!events_ || !is_same_directory() || !take_events())
    return read_all();
  look_again();
  return {};
}

expected<void> job_index::read_all() {
  jobs_.clear();
  places_ = {};
  skipped_.clear();
  watch(); // before the walk: what changes during it is told, and looked at again
  auto skipped = files_.for_each([this](const job_record& record, double) {
    jobs_[pack(record.id)] = {record.created_at, record.status}; // a walk may meet one twice
  });
  if (!skipped) {
    events_ = {};
    return tl::make_unexpected(skipped.error());
  }
  for (const auto& [id, job] : jobs_)
    of(job.status).emplace_back(job.created_at, id);
  for (auto& places : places_)
    std::sort(places.begin(), places.end());
  for (auto& file : *skipped)
    skipped_[file.name] = std::move(file.why);
  return {};
}

void job_index::watch() {
  events_ = unique_fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  const auto& directory = files_.directory();
  // What is put in its place from now on has another identity than this.
  if (!events_ || !is_local(directory) || ::stat(directory.c_str(), &watched_) != 0 ||
      ::inotify_add_watch(events_.get(), directory.c_str(), watched_events) < 0)
    events_ = {};
}

bool job_index::is_same_directory() const {
  struct stat now {};
  return ::stat(files_.directory().c_str(), &now) == 0 && now.st_dev == watched_.st_dev &&
         now.st_ino == watched_.st_ino;
}

bool job_index::take_events() {
  alignas(inotify_event) std::array<char, 64u << 10> buffer;
  for (;;) {
    const auto size = ::read(events_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return size < 0 && errno == EAGAIN;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if ((event.mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0)
        return false;
      if (event.len == 0)
        return false; // the directory itself: its permissions, say
      look_at(buffer.data() + at + sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

void job_index::look_at(const std::string& name) {
  if (!job_files::is_record_name(name))
    return;
  skipped_.erase(job_files::shown_name(name));
  const auto id = job_id_of_name(name);
  if (id.empty()) {
    struct stat status {};
    if (::lstat((files_.directory() / name).c_str(), &status) == 0)
      skipped_[job_files::shown_name(name)] = job_files::not_named_like_a_job;
    return;
  }
  remove(pack(id));
  const auto file = read_job_file(files_.directory(), id);
  if (file)
    add(pack(id), {file->record.created_at, file->record.status});
  else if (file.error().what != reason::missing)
    skipped_[job_files::shown_name(name)] = file.error().why;
}

void job_index::look_again() {
  std::vector<std::string> names;
  for (const auto& [name, why] : skipped_)
    if (!job_id_of_name(name).empty())
      names.push_back(name);
  for (const auto& name : names)
    look_at(name);
}

void job_index::add(const packed_id& id, known_job job) {
  jobs_[id] = job;
  const place at{job.created_at, id};
  auto& places = of(job.status);
  places.insert(std::lower_bound(places.begin(), places.end(), at), at);
}

void job_index::remove(const packed_id& id) {
  const auto known = jobs_.find(id);
  if (known == jobs_.end())
    return;
  auto& places = of(known->second.status);
  places.erase(std::lower_bound(places.begin(), places.end(), place{known->second.created_at, id}));
  jobs_.erase(known);
}

std::vector<job_index::packed_id> job_index::newest(const std::vector<job_status>& wanted, std::size_t limit) const {
  std::vector<place> found;
  for (const auto status : wanted) {
    const auto& places = places_[static_cast<std::size_t>(status)];
    found.insert(found.end(), places.end() - static_cast<std::ptrdiff_t>(std::min(limit, places.size())), places.end());
  }
  std::sort(found.rbegin(), found.rend());
  found.resize(std::min(found.size(), limit));
  std::vector<packed_id> ids;
  ids.reserve(found.size());
  for (const auto& [time, id] : found)
    ids.push_back(id);
  return ids;
}

std::vector<skipped_file> job_index::skipped() const {
  std::vector<skipped_file> list;
  for (const auto& [name, why] : skipped_)
    list.push_back({name, why});
  return list;
}

} // namespace agent_dispatch
