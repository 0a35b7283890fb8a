#include "messages/socket_address.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace agent_dispatch {

socket_address::~socket_address() {
  if (directory_ >= 0)
    ::close(directory_);
}

socket_address::socket_address(socket_address&& other) noexcept
    : address_{other.address_}, directory_{std::exchange(other.directory_, -1)} {}

const sockaddr* socket_address::get() const noexcept {
  return reinterpret_cast<const sockaddr*>(&address_); // the socket interface's own way of naming its address types
}

expected<socket_address> make_socket_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = path.native();
  int directory = -1;
  if (name.size() >= sizeof address.sun_path) {
    directory = ::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
      return io_failure("opening the socket's directory", path.parent_path().native(), errno);
    name = "/proc/self/fd/" + std::to_string(directory) + "/" + path.filename().native();
  }
  if (name.size() >= sizeof address.sun_path) {
    ::close(directory);
    return failure(fault_kind::invalid_argument, "the socket's file name is too long: " + path.native());
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  return socket_address{address, directory};
}

} // namespace agent_dispatch
