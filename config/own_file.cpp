#include "config/own_file.hpp"

#include <cerrno>

#include <unistd.h>

#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

std::string why_not_own_file(const struct stat& status) {
  if (S_ISDIR(status.st_mode))
    return "is a directory";
  if (!S_ISREG(status.st_mode))
    return "is not a regular file";
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return "belongs to another user (uid " + std::to_string(status.st_uid) + ")";
  return {};
}

std::string why_not_opened(int error_number) {
  switch (error_number) {
  case ELOOP:
    return "is a symbolic link";
  case EISDIR:
    return "is a directory";
  case ENXIO: // a FIFO without a reader, a socket, a device without a driver
  case ENODEV:
    return "is not a regular file";
  default:
    return {};
  }
}

tl::unexpected<fault> foreign_file(const std::filesystem::path& path, const std::string& why) {
  const auto shown = to_valid_utf8(path.native());
  return failure(fault_kind::io, shown + " " + why + ", and was left alone. See what it is, then move it away: " +
                                     shell_command({"mv", shown, shown + ".old"}));
}

} // namespace agent_dispatch
