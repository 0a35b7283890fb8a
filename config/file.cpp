#include "config/file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace agent_dispatch {

namespace {

std::chrono::nanoseconds wall_clock() { return std::chrono::system_clock::now().time_since_epoch(); }

} // namespace

std::shared_ptr<const config_snapshot> config_file::current() {
  if (auto unchanged = if_unchanged())
    return unchanged;
  note({.snapshot = snapshot_, .identity = {}});
  const auto identity = read_again();
  note({.snapshot = snapshot_, .identity = identity});
  return snapshot_;
}

std::shared_ptr<const config_snapshot> config_file::if_unchanged() const {
  const auto known = [this] {
    const std::lock_guard held{guard_};
    return known_;
  }();
  struct stat status {};
  const bool is_unchanged =
      known.identity && ::stat(paths_.config.c_str(), &status) == 0 && identity_of(status) == *known.identity;
  return is_unchanged ? known.snapshot : nullptr;
}

void config_file::note(known_file known) {
  const std::lock_guard held{guard_};
  known_ = std::move(known);
}

std::optional<file_identity> config_file::read_again() {
  ++read_count_;
  const auto begun = wall_clock(); // a write that this reading misses is later
  auto file = read_configuration(paths_.config);
  if (!file) {
    text_.reset();
    publish(snapshot_ ? snapshot_->value : configuration{}, file.error(), {});
    return std::nullopt;
  }
  if (!*file) {
    text_.reset();
    publish({}, std::nullopt, {});
    return std::nullopt;
  }
  const auto identity = (*file)->identity;
  const auto newest = std::chrono::nanoseconds{std::max(identity.modified_ns, identity.changed_ns)};
  const bool is_settled = newest + time_stamp_grain < begun;
  accept(**std::move(file));
  return is_settled ? std::optional{identity} : std::nullopt;
}

void config_file::accept(file_bytes file) {
  if (text_ == file.bytes)
    return;
  text_ = std::move(file.bytes);
  ++parse_count_;
  auto loaded = parse_configuration(*text_, paths_);
  if (loaded)
    publish(std::move(loaded->value), std::nullopt, std::move(loaded->warnings));
  else
    publish(snapshot_ ? snapshot_->value : configuration{}, loaded.error(), {});
}

void config_file::publish(configuration value, std::optional<agent_dispatch::fault> fault,
                          std::vector<std::string> warnings) {
  if (snapshot_ && snapshot_->value == value && snapshot_->fault == fault && snapshot_->warnings == warnings)
    return;
  const auto generation = snapshot_ ? snapshot_->generation + 1 : 1;
  snapshot_ = std::make_shared<const config_snapshot>(
      config_snapshot{std::move(value), std::move(fault), std::move(warnings), generation});
}

} // namespace agent_dispatch
