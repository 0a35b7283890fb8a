#include "config/file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace agent_dispatch {

namespace {

std::chrono::nanoseconds wall_clock() { return std::chrono::system_clock::now().time_since_epoch(); }

} // namespace

std::shared_ptr<const config_snapshot> config_file::current() {
  if (!is_unchanged())
    read_again();
  return snapshot_;
}

bool config_file::is_unchanged() const {
  struct stat status {};
  return snapshot_ && identity_ && ::stat(paths_.config.c_str(), &status) == 0 && identity_of(status) == *identity_;
}

void config_file::read_again() {
  identity_.reset();
  ++read_count_;
  auto file = read_configuration(paths_.config);
  if (!file) {
    text_.reset();
    publish(snapshot_ ? snapshot_->value : configuration{}, file.error(), {});
    return;
  }
  accept(*std::move(file));
}

void config_file::accept(std::optional<file_bytes> file) {
  if (!file) {
    text_.reset();
    publish({}, std::nullopt, {});
    return;
  }
  const auto newest = std::chrono::nanoseconds{std::max(file->identity.modified_ns, file->identity.changed_ns)};
  if (newest + time_stamp_grain < wall_clock())
    identity_ = file->identity;
  if (text_ == file->bytes)
    return;
  text_ = std::move(file->bytes);
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
