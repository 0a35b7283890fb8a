#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "actors/logic/job_machine.hpp"
#include "messages/json.hpp"
#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

/// What was synced since the last look: inode numbers. This program's fsync, below, notes them.
std::vector<ino_t> synced;

/// A directory's files as they are.
using file_texts = std::map<std::string, std::string>;

file_texts texts_in(const temporary_directory& directory) {
  file_texts texts;
  for (const auto& name : names_in(directory.path()))
    texts.emplace(name, directory.read(name));
  return texts;
}

ino_t inode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool is_synced(ino_t inode) { return std::find(synced.begin(), synced.end(), inode) != synced.end(); }

fs::path temporary_in(const temporary_directory& directory) {
  for (const auto& name : names_in(directory.path()))
    if (name.starts_with(".job-"))
      return directory.path() / name;
  return {};
}

/// What a power cut may leave of a directory: names and contents that were not synced are there or not, whole or not.
class power_cut {
public:
  /// `before`: what was on disk when the write began.
  explicit power_cut(const temporary_directory& directory) : directory_{directory}, before_{texts_in(directory)} {}

  void after_step(std::string_view step) {
    const auto temporary = temporary_in(directory_);
    if (!temporary.empty())
      written_ = inode_of(temporary);
    const auto now = texts_in(directory_);
    const bool names_are_safe = is_synced(inode_of(directory_.path()));
    const bool content_is_safe = is_synced(written_);
    for (const auto& names : names_are_safe ? std::vector{now} : std::vector{before_, now})
      for (const auto& text : content_is_safe ? std::vector{0} : std::vector{0, 1, 2})
        left_.push_back({std::string{step}, damaged(names, text)});
  }

  struct remains {
    std::string step;
    file_texts files;
  };
  const std::vector<remains>& all() const { return left_; }

private:
  /// Content that was not there before: as it is, gone, or half of it.
  file_texts damaged(file_texts files, int how) const {
    for (auto& [name, text] : files) {
      const auto old = before_.find(name);
      if (how == 0 || (old != before_.end() && old->second == text))
        continue;
      text = how == 1 ? std::string{} : text.substr(0, text.size() / 2);
    }
    return files;
  }

  const temporary_directory& directory_;
  file_texts before_;
  ino_t written_ = 0;
  std::vector<remains> left_;
};

const auto running = make_record(1, job_status::running);
const auto finished = *job_machine::finish(running, make_result(true), test_now);

void restore(const temporary_directory& directory, const file_texts& files) {
  for (const auto& name : names_in(directory.path()))
    fs::remove(directory.path() / name);
  for (const auto& [name, text] : files)
    directory.write(name, text);
}

/// Replays a write with every cut; `on_read` gets what a reader finds afterwards.
template <class Write, class OnRead>
void replay(bool there_before, const Write& write, const OnRead& on_read) {
  const temporary_directory directory;
  if (there_before)
    write_record(job_files{directory.path(), our_mark}, running);
  synced.clear();
  power_cut cut{directory};
  write(job_files{directory.path(), our_mark, [&](std::string_view step) { cut.after_step(step); }});
  REQUIRE(cut.all().size() > 5);
  const temporary_directory after;
  const job_files files{after.path(), our_mark};
  for (const auto& left : cut.all()) {
    CAPTURE(left.step);
    restore(after, left.files);
    on_read(left.step, files);
    REQUIRE(files.remove_leftovers());
    CHECK(temporary_in(after).empty());
  }
}

} // namespace

/// In the place of libc's: notes what is synced, and syncs.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0)
    synced.push_back(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("Whenever the power is cut while a job's end is written, its record is the old or the new one, whole") {
  bool saw_new = false;
  replay(
      true, [](const job_files& files) { REQUIRE(files.replace(finished, durability::disk)); },
      [&](const std::string& step, const job_files& files) {
        const auto record = stored(files, running.id);
        CHECK((record == running || record == finished));
        if (step == "synced directory")
          CHECK(record == finished);
        saw_new = saw_new || record == finished;
      });
  CHECK(saw_new);
}

TEST_CASE("Whenever the power is cut while a job is accepted, its record is not there or whole") {
  replay(
      false, [](const job_files& files) { REQUIRE(files.create(running, durability::disk)); },
      [&](const std::string& step, const job_files& files) {
        const auto record = files.read(running.id);
        REQUIRE(record);
        if (*record)
          CHECK(**record == running);
        if (step == "synced directory")
          CHECK(record->has_value());
      });
}

TEST_CASE("A write for the page cache syncs nothing") {
  const temporary_directory directory;
  synced.clear();
  std::vector<std::string> steps;
  const job_files files{directory.path(), our_mark, [&](std::string_view step) { steps.emplace_back(step); }};
  write_record(files, running);
  CHECK(steps == std::vector<std::string>{"locked", "opened", "written", "renamed"});
  CHECK(synced.empty());
}

TEST_CASE("A record is private at every step of its writing") {
  const temporary_directory directory;
  const auto mask = ::umask(0);
  const job_files files{directory.path(), our_mark, [&](std::string_view) {
                          for (const auto& name : names_in(directory.path())) {
                            struct stat status {};
                            REQUIRE(::lstat((directory.path() / name).c_str(), &status) == 0);
                            CHECK((status.st_mode & 07777U) == 0600U);
                          }
                        }};
  const auto created = files.create(running, durability::disk);
  ::umask(mask);
  REQUIRE(created);
}

TEST_CASE("A writer that is killed at any step leaves a record, old or new, and nothing that stays") {
  for (const auto* step : {"locked", "opened", "written", "synced", "renamed", "synced directory"}) {
    CAPTURE(step);
    const temporary_directory directory;
    const job_files files{directory.path(), our_mark};
    write_record(files, running);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const job_files killed{directory.path(), our_mark, [&](std::string_view at) {
                               if (at == step)
                                 ::_exit(0);
                             }};
      static_cast<void>(killed.replace(finished, durability::disk));
      ::_exit(1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0); // it did come to that step
    const bool is_placed = std::string_view{step} == "renamed" || std::string_view{step} == "synced directory";
    CHECK(stored(files, running.id) == (is_placed ? finished : running));
    REQUIRE(files.remove_leftovers());
    CHECK(names_in(directory.path()) == std::vector<std::string>{".jobs.lock", running.id.value + ".json"});
  }
}

TEST_CASE("The temporary file of a writer that lives is not removed") {
  const temporary_directory directory;
  bool looked = false;
  const job_files files{directory.path(), our_mark, [&](std::string_view step) {
                          if (step != "written")
                            return;
                          looked = true;
                          // Somebody else's lock file: then only the writer's own lock protects it.
                          fs::remove(directory.path() / ".jobs.lock");
                          const job_files other{directory.path(), our_mark};
                          CHECK(other.remove_leftovers() == std::size_t{0});
                        }};
  write_record(files, running);
  CHECK(looked);
  CHECK(stored(files, running.id) == running);
}

TEST_CASE("A write that fails half way leaves no temporary file") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark, [&](std::string_view step) {
                          if (step == "written")
                            fs::create_directory(directory.path() / (running.id.value + ".json"));
                        }};
  const auto created = files.create(running, durability::disk);
  REQUIRE_FALSE(created);
  CHECK(created.error().kind == fault_kind::io);
  CHECK(temporary_in(directory).empty());
}
