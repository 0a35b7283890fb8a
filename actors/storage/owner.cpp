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

bool is_same_owner(std::string_view other, std::string_view own) {
  if (other == own)
    return true;
  // Another boot of the machine: the first and the last part are as ours, and the second is not.
  const auto machine = own.substr(0, own.find(':'));
  const auto configuration = own.substr(own.rfind(':'));
  const auto boot = [](std::string_view owner) {
    const auto after = owner.substr(owner.find(':') + 1);
    return after.substr(0, after.find(':'));
  };
  return machine != "-" && other.starts_with(own.substr(0, machine.size() + 1)) && other.ends_with(configuration) &&
         boot(other) != boot(own);
}

std::string owner_of(const std::filesystem::path& jobs) {
  return first_line("/etc/machine-id") + ':' + first_line("/proc/sys/kernel/random/boot_id") + ':' + pid_namespace() +
         ':' + name_of(jobs);
}

} // namespace agent_dispatch
