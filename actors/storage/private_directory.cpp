#include "actors/storage/private_directory.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

constexpr mode_t group_write = 0020;
constexpr mode_t other_write = 0002;
constexpr int most_links = 40; // as the kernel

std::string shown(const fs::path& path) { return to_valid_utf8(path.native()); }

std::string owner_text(uid_t user) { return "belongs to another user (uid " + std::to_string(user) + ")"; }

std::string elsewhere(std::string_view variable) { return "choose another place with " + std::string{variable}; }

/// The owner that a user namespace shows for those it does not map; absent where all are mapped.
std::optional<uid_t> unmapped_owner() {
  constexpr std::uint64_t all_users = 0xffffffffU;
  std::ifstream map{"/proc/self/uid_map"};
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  if (!(map >> inside >> outside >> count) || (inside == 0 && outside == 0 && count == all_users))
    return std::nullopt;
  std::ifstream overflow{"/proc/sys/kernel/overflowuid"};
  uid_t owner = 0;
  return overflow >> owner ? std::optional{owner} : std::nullopt;
}

bool is_trusted(uid_t owner) {
  if (owner == 0 || owner == ::geteuid())
    return true;
  static const auto unmapped = unmapped_owner();
  return unmapped == owner;
}

/// Whether a group is this user's alone: the primary one, of the same name, with no other member.
bool is_private_group(gid_t group) {
  constexpr std::size_t room = 16u << 10;
  std::vector<char> user_text(room);
  std::vector<char> group_text(room);
  passwd user{};
  passwd* found_user = nullptr;
  ::group entry{};
  ::group* found_group = nullptr;
  if (::getpwuid_r(::geteuid(), &user, user_text.data(), room, &found_user) != 0 || found_user == nullptr ||
      ::getgrgid_r(group, &entry, group_text.data(), room, &found_group) != 0 || found_group == nullptr)
    return false;
  const std::string_view name = user.pw_name;
  bool is_alone = user.pw_gid == group && name == entry.gr_name;
  for (char** member = entry.gr_mem; is_alone && *member != nullptr; ++member)
    is_alone = name == *member;
  return is_alone;
}

bool others_may_replace_in(const struct stat& status) {
  if ((status.st_mode & S_ISVTX) != 0)
    return false;
  return (status.st_mode & other_write) != 0 ||
         ((status.st_mode & group_write) != 0 && !is_private_group(status.st_gid));
}

expected<void> check_step(const fs::path& step, const struct stat& status, const fs::path& target,
                          std::string_view variable) {
  if (!is_trusted(status.st_uid))
    return failure(fault_kind::io, shown(step) + " " + owner_text(status.st_uid) +
                                       ", who could put another directory in the place of " + shown(target) + "; " +
                                       elsewhere(variable));
  if (S_ISDIR(status.st_mode) && others_may_replace_in(status))
    return failure(fault_kind::io, "others may write to " + shown(step) +
                                       " and so put another directory in the place of " + shown(target) +
                                       "; mend it: " + shell_command({"chmod", "go-w", shown(step)}) + ", or " +
                                       elsewhere(variable));
  return {};
}

/// What a directory that only we write to must be.
expected<void> check_own(const fs::path& directory, const struct stat& status, std::string_view remedy) {
  if (!S_ISDIR(status.st_mode))
    return failure(fault_kind::io, shown(directory) + " is not a directory; move it away: " +
                                       shell_command({"mv", shown(directory), shown(directory) + ".old"}));
  if (status.st_uid != ::geteuid())
    return failure(fault_kind::io, shown(directory) + " " + owner_text(status.st_uid) + "; " + std::string{remedy});
  if ((status.st_mode & (group_write | other_write)) != 0)
    return failure(fault_kind::io, "others may write to " + shown(directory) +
                                       "; see that nothing of theirs is in it, then: chmod 700 '" + shown(directory) +
                                       "'");
  return {};
}

enum class when_missing { stop, make };

/// Goes to a directory step by step, from the root.
class walk {
public:
  walk(const fs::path& target, when_missing missing, std::string_view variable)
      : target_{target}, missing_{missing}, variable_{variable} {}

  /// The real path of the target, or of the last step that is there. All but the target itself are checked.
  expected<fs::path> go() {
    add(target_);
    while (!todo_.empty() && !ended_) {
      const fs::path name = std::move(todo_.back());
      todo_.pop_back();
      if (auto gone = name == ".." ? go_up() : go_to(at_ / name); !gone)
        return tl::unexpected(gone.error());
    }
    return at_;
  }
  bool is_there() const { return !ended_; }

private:
  /// Puts the steps of a path before those that are left.
  void add(const fs::path& path) {
    std::vector<fs::path> steps;
    for (const auto& step : path.relative_path())
      if (!step.empty() && step != ".")
        steps.push_back(step);
    todo_.insert(todo_.end(), steps.rbegin(), steps.rend());
  }

  /// What is before has no links in it, so the name above is the directory above.
  expected<void> go_up() {
    at_ = at_.parent_path();
    return {};
  }

  expected<struct stat> look(const fs::path& step) const {
    struct stat status {};
    if (::lstat(step.c_str(), &status) != 0)
      return io_failure("looking at", shown(step), errno);
    const bool is_target = todo_.empty() && S_ISDIR(status.st_mode);
    if (is_target)
      return status;
    if (auto checked = check_step(step, status, target_, variable_); !checked)
      return tl::unexpected(checked.error());
    return status;
  }

  expected<void> go_to(const fs::path& step) {
    struct stat status {};
    if (::lstat(step.c_str(), &status) != 0 && errno == ENOENT) {
      if (missing_ == when_missing::stop) {
        ended_ = true;
        return {};
      }
      if (::mkdir(step.c_str(), 0700) != 0 && errno != EEXIST)
        return io_failure("making the directory", shown(step), errno);
    }
    const auto found = look(step);
    if (!found)
      return tl::unexpected(found.error());
    if (S_ISLNK(found->st_mode))
      return follow(step);
    if (!S_ISDIR(found->st_mode))
      return failure(fault_kind::io, shown(step) + " is not a directory; move it away, or " + elsewhere(variable_));
    at_ = step;
    return {};
  }

  expected<void> follow(const fs::path& link) {
    std::error_code problem;
    const auto target = fs::read_symlink(link, problem);
    if (!problem && ++links_ > most_links)
      problem = std::make_error_code(std::errc::too_many_symbolic_link_levels);
    if (problem)
      return io_failure("following the link", shown(link), problem.value());
    if (target.is_absolute())
      at_ = "/";
    add(target);
    return {};
  }

  const fs::path& target_;
  when_missing missing_;
  std::string_view variable_;
  fs::path at_ = "/";          ///< real path of what has been checked
  std::vector<fs::path> todo_; ///< the next one last
  int links_ = 0;
  bool ended_ = false; ///< the rest is not there
};

} // namespace

expected<void> check_private_directory(const fs::path& directory, std::string_view variable) {
  walk way{directory, when_missing::stop, variable};
  const auto real = way.go();
  if (!real)
    return tl::unexpected(real.error());
  struct stat status {};
  if (!way.is_there() || ::lstat(real->c_str(), &status) != 0)
    return {};
  return check_own(*real, status, elsewhere(variable));
}

expected<fs::path> make_private_way(const fs::path& directory, std::string_view variable) {
  auto real = walk{directory, when_missing::make, variable}.go();
  if (!real)
    return real;
  struct stat status {};
  if (::lstat(real->c_str(), &status) != 0)
    return io_failure("looking at the directory", shown(*real), errno);
  if (auto checked = check_own(*real, status, elsewhere(variable)); !checked)
    return tl::unexpected(checked.error());
  return real;
}

expected<void> make_private_child(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return io_failure("making the directory", shown(directory), errno);
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0)
    return io_failure("looking at the directory", shown(directory), errno);
  return check_own(directory, status,
                   "move it away: " + shell_command({"mv", shown(directory), shown(directory) + ".old"}));
}

} // namespace agent_dispatch
