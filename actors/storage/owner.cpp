#include "actors/storage/owner.hpp"

#include <sys/stat.h>

#include <fstream>

#include "actors/storage/places.hpp"

namespace agent_dispatch {

namespace {

std::string first_line(const char* file) {
  std::ifstream stream{file};
  std::string line;
  std::getline(stream, line);
  return line.empty() ? "-" : line;
}

std::string pid_namespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? std::to_string(status.st_ino) : "-";
}

} // namespace

std::string owner_of(const std::filesystem::path& jobs) {
  return first_line("/etc/machine-id") + ':' + first_line("/proc/sys/kernel/random/boot_id") + ':' + pid_namespace() +
         ':' + name_of(jobs);
}

} // namespace agent_dispatch
