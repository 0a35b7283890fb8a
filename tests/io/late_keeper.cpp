#include <ctime>

#include <fcntl.h>
#include <unistd.h>

/// A keeper that wakes late: waits until `go` is in its run directory (descriptor 3), then becomes the real one.
int main(int, char** argv) {
  while (::faccessat(3, "go", F_OK, 0) < 0) {
    const timespec moment{0, 2'000'000};
    ::nanosleep(&moment, nullptr);
  }
  ::execv(KEEPER_PROGRAM, argv);
  return 127;
}
