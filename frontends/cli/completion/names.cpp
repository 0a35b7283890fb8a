#include "frontends/cli/completion/names.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "config/load.hpp"
#include "frontends/cli/job_commands.hpp"
#include "frontends/cli/presentation.hpp"

namespace agent_dispatch::completion {

namespace {

/// A description beside a name; shells cut it to their width.
constexpr std::size_t longest_description = 80;

std::string one_line(std::string_view text) {
  return std::string{first_characters(printable(text), longest_description)};
}

configuration load(const cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  auto loaded = paths ? load_configuration(*paths) : tl::make_unexpected(paths.error());
  return loaded ? std::move(loaded->value) : configuration{};
}

/// A name of the configuration that a shell can take as one word.
void add_name(const std::string& name, const std::string& description, std::vector<candidate>& names) {
  if (is_valid_name(name) && names.size() < most_names)
    names.push_back({name, one_line(description)});
}

struct dated_job {
  job_id id;
  timespec changed{};

  bool operator<(const dated_job& other) const {
    return std::pair{changed.tv_sec, changed.tv_nsec} > std::pair{other.changed.tv_sec, other.changed.tv_nsec};
  }
};

/// The last changed first, at most `most_names`. Opens none.
std::vector<dated_job> latest_jobs(const job_files& files, std::string_view prefix) {
  std::vector<dated_job> jobs;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator{files.directory(), problem}) {
    const auto& file = entry.path();
    job_id id{file.stem().native()};
    struct stat status {};
    if (file.extension() == ".json" && is_job_id(id.value) && id.value.starts_with(prefix) &&
        ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      jobs.push_back({std::move(id), status.st_mtim});
  }
  const auto kept = std::min(jobs.size(), most_names);
  std::partial_sort(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(kept), jobs.end());
  jobs.resize(kept);
  return jobs;
}

} // namespace

std::vector<candidate> agent_names(const cli_io& io) {
  std::vector<candidate> names;
  for (const auto& agent : load(io).agents)
    add_name(agent.name.value, agent.description, names);
  return names;
}

std::vector<candidate> group_names(const cli_io& io) {
  std::vector<candidate> names;
  for (const auto& group : load(io).groups)
    add_name(group.name, group.description, names);
  return names;
}

std::vector<candidate> job_names(const cli_io& io, std::string_view prefix) {
  const auto files = caller_job_files(io);
  if (!files)
    return {};
  std::vector<candidate> names;
  for (const auto& job : latest_jobs(*files, prefix))
    if (const auto record = files->read(job.id); record && *record)
      names.push_back({job.id.value, one_line(std::string{to_string((*record)->status)} + " " + (*record)->agent.value +
                                              ": " + (*record)->task)});
  return names;
}

} // namespace agent_dispatch::completion
