#pragma once

#include <filesystem>

#include <sys/socket.h>
#include <sys/un.h>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// The address of a Unix socket whose path may be longer than the 107 bytes that fit: then it goes through a descriptor
/// of its directory, which this object holds until it is destroyed.
class socket_address {
public:
  socket_address(const sockaddr_un& address, int directory) : address_{address}, directory_{directory} {}
  ~socket_address();
  socket_address(socket_address&& other) noexcept;
  socket_address(const socket_address&) = delete;
  socket_address& operator=(const socket_address&) = delete;
  socket_address& operator=(socket_address&&) = delete;

  const sockaddr* get() const noexcept;
  socklen_t size() const noexcept { return sizeof address_; }

private:
  sockaddr_un address_;
  int directory_; ///< -1: the path fits
};

/// Fault `io`: the directory cannot be opened; `invalid_argument`: the file name alone is too long.
expected<socket_address> make_socket_address(const std::filesystem::path& path);

} // namespace agent_dispatch
