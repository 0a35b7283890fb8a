#include "messages/socket_address.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

/// A descriptor of this test, closed with it.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} { REQUIRE(fd >= 0); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(fd_); }
  int get() const { return fd_; }

private:
  int fd_;
};

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

/// Binds, connects and sends one byte, each end with an address of its own.
void check_conversation(const fs::path& path) {
  const descriptor listener{new_socket()};
  {
    const auto address = make_socket_address(path);
    REQUIRE(address);
    REQUIRE(::bind(listener.get(), address->get(), address->size()) == 0);
  }
  REQUIRE(::listen(listener.get(), 1) == 0);
  CHECK(fs::is_socket(path));
  const descriptor client{new_socket()};
  {
    const auto address = make_socket_address(path);
    REQUIRE(address);
    REQUIRE(::connect(client.get(), address->get(), address->size()) == 0);
  }
  const descriptor server{::accept(listener.get(), nullptr, nullptr)};
  REQUIRE(::write(client.get(), "x", 1) == 1);
  char byte = 0;
  REQUIRE(::read(server.get(), &byte, 1) == 1);
  CHECK(byte == 'x');
}

/// A path below `directory` of exactly `size` bytes, its directories made.
fs::path path_of_size(const fs::path& directory, std::size_t size) {
  fs::path path = directory;
  while (path.native().size() + 60 < size)
    path /= std::string(40, 'd');
  fs::create_directories(path);
  return path / std::string(size - path.native().size() - 1, 's');
}

std::string text_of(const socket_address& address) {
  sockaddr_un plain{};
  std::memcpy(&plain, address.get(), sizeof plain);
  return plain.sun_path;
}

} // namespace

TEST_CASE("A socket can be bound and reached by a path of any length") {
  const temporary_directory directory;
  for (const std::size_t size : {80U, 106U, 107U, 108U, 109U, 200U, 1000U, 3000U}) {
    CAPTURE(size);
    const auto path = path_of_size(directory.path(), size);
    REQUIRE(path.native().size() == size);
    check_conversation(path);
  }
}

TEST_CASE("A path that fits is used as it is") {
  const temporary_directory directory;
  const auto path = path_of_size(directory.path(), 107);
  CHECK(text_of(*make_socket_address(path)) == path.native());
  CHECK(text_of(*make_socket_address("/no/such/directory/s")) == "/no/such/directory/s");
}

TEST_CASE("The descriptor of a long path's directory is closed with the address that was moved last") {
  const temporary_directory directory;
  const auto path = path_of_size(directory.path(), 300);
  fs::path held;
  {
    auto first = make_socket_address(path);
    REQUIRE(first);
    held = fs::path{text_of(*first)}.parent_path();
    const socket_address second{std::move(*first)};
    CHECK(fs::equivalent(held, path.parent_path()));
    CHECK(text_of(second) == (held / path.filename()).native());
    const int fd = std::stoi(held.filename().native());
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK_FALSE(fs::exists(held));
}

TEST_CASE("A long path in a directory that is not there is a fault of the system") {
  const temporary_directory directory;
  const auto address = make_socket_address(directory.path() / std::string(120, 'd') / "s");
  REQUIRE_FALSE(address);
  CHECK(address.error().kind == fault_kind::io);
}

TEST_CASE("A file name too long for any address is an unusable value") {
  const temporary_directory directory;
  const auto address = make_socket_address(directory.path() / std::string(200, 's'));
  REQUIRE_FALSE(address);
  CHECK(address.error().kind == fault_kind::invalid_argument);
}
