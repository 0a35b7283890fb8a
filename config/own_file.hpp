#pragma once

#include <filesystem>
#include <string>

#include <sys/stat.h>

#include "messages/fault.hpp"

/// Files that must be this program's own: one that somebody has put in their place is neither read nor written.
namespace agent_dispatch {

/// What keeps a file from being taken for one of this user's, as the end of a sentence that begins with its path ("is
/// not a regular file", "belongs to another user (uid 7)"). Empty: nothing. Root's files are taken as well.
std::string why_not_own_file(const struct stat& status);

/// The same, of a file that open(2) with O_NOFOLLOW and O_NONBLOCK has refused with this errno. Empty: the errno says
/// it better (no access, no room).
std::string why_not_opened(int error_number);

/// A fault of kind `io`: the file, why, and the command that moves it out of the way.
tl::unexpected<fault> foreign_file(const std::filesystem::path& path, const std::string& why);

} // namespace agent_dispatch
