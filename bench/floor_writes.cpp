/// The least that makes a job durable: `floor_writes DIRECTORY COUNT [BYTES BYTES]` writes two files for each of COUNT
/// jobs, a request and a record of so many bytes, each as write_whole_file does it (temporary file, fsync, rename,
/// fsync of the directory), one after the other. Prints the seconds it took.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::perror(("floor_writes: " + what).c_str());
  std::exit(1);
}

int open_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    fail(path);
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    fail(path);
  return directory;
}

void write_durably(int directory, const std::string& name, const std::string& content) {
  const auto draft = "." + name + ".draft";
  const int file = ::openat(directory, draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 || ::write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      ::fsync(file) != 0 || ::close(file) != 0 || ::renameat(directory, draft.c_str(), directory, name.c_str()) != 0 ||
      ::fsync(directory) != 0)
    fail(name);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::fputs("usage: floor_writes DIRECTORY COUNT [BYTES BYTES]\n", stderr);
    return 2;
  }
  const std::string place = argv[1];
  const int count = std::atoi(argv[2]);
  const std::string request(argc == 5 ? std::stoul(argv[3]) : 1000, 'r');
  const std::string record(argc == 5 ? std::stoul(argv[4]) : 600, 'j');
  const int requests = open_directory(place + "/requests");
  const int jobs = open_directory(place + "/jobs");
  const auto begin = std::chrono::steady_clock::now();
  for (int number = 0; number < count; ++number) {
    write_durably(requests, std::to_string(number), request);
    write_durably(jobs, std::to_string(number) + ".json", record);
  }
  std::printf("%.6f\n", std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count());
}
