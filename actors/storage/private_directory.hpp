#pragma once

#include <filesystem>
#include <string_view>

#include "messages/fault.hpp"

/// Directories that no other user can write to, or put another in the place of. What is in one of them is ours; what is
/// opened by its path is what was looked at before.
///
/// Trusted are this user and root. Each directory on the way must belong to one of them and be writable to nobody else,
/// or have the sticky bit (/tmp); each link on the way must belong to one of them too. Group write is taken where the
/// group is the owner's alone (the "user private groups" of many distributions). In a user namespace the owners that it
/// does not map cannot be told apart: they count as root.
namespace agent_dispatch {

/// Looks at the way to a directory, as far as it is there, and at the directory itself: it must be ours, and writable
/// to no one else at all. Nothing is wrong with one that is not there. Touches nothing. `directory` is absolute;
/// `variable` is what names another place, for the fault.
expected<void> check_private_directory(const std::filesystem::path& directory, std::string_view variable);

/// Makes what is missing of a directory and the way to it, 0700 less the umask, and checks all of it.
/// Returns its real path.
expected<std::filesystem::path> make_private_way(const std::filesystem::path& directory, std::string_view variable);

/// Makes a directory in one that has been checked, and checks it; here a link is refused, also one of our own: what is
/// below is removed without asking.
expected<void> make_private_child(const std::filesystem::path& directory);

} // namespace agent_dispatch
