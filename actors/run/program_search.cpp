#include "actors/run/program_search.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agent_dispatch {

namespace {

constexpr std::string_view usual_path = "/bin:/usr/bin";

enum class candidate { missing, not_executable, good };

candidate look_at(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) < 0)
    return errno == EACCES ? candidate::not_executable : candidate::missing;
  if (!S_ISREG(info.st_mode))
    return candidate::not_executable;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? candidate::good : candidate::not_executable;
}

tl::unexpected<fault> not_executable(const std::filesystem::path& path) {
  return failure(fault_kind::io, path.string() + " cannot be executed: make it an executable file (chmod +x).");
}

} // namespace

expected<std::filesystem::path> find_program(std::string_view name, std::string_view path_value,
                                             const std::filesystem::path& directory) {
  if (name.empty() || name.find('\0') != std::string_view::npos)
    return failure(fault_kind::io, "A program without a name cannot be found.");
  if (name.find('/') != std::string_view::npos) {
    auto path = (directory / name).lexically_normal();
    switch (look_at(path)) {
    case candidate::good:
      return path;
    case candidate::not_executable:
      return not_executable(path);
    case candidate::missing:
      return failure(fault_kind::io, "There is no program " + path.string() + '.');
    }
  }
  const std::string_view searched = path_value.empty() ? usual_path : path_value;
  std::filesystem::path refused;
  for (std::size_t at = 0; at <= searched.size();) {
    const auto end = std::min(searched.find(':', at), searched.size());
    const auto path = directory / searched.substr(at, end - at) / name;
    const auto found = look_at(path);
    if (found == candidate::good)
      return path;
    if (found == candidate::not_executable && refused.empty())
      refused = path;
    at = end + 1;
  }
  if (!refused.empty())
    return not_executable(refused);
  return failure(fault_kind::io, "`" + std::string{name} + "` was not found on PATH (" + std::string{searched} + ").");
}

} // namespace agent_dispatch
