#include "frontends/cli/private_process.hpp"

#include <algorithm>
#include <optional>

#include <sys/stat.h>

namespace agent_dispatch {

namespace {

constexpr mode_t private_mask = 077;

std::optional<inherited_settings>& before() {
  static std::optional<inherited_settings> settings;
  return settings;
}

inherited_settings settings_now() {
  inherited_settings now{.umask = ::umask(private_mask), .core = {}};
  ::umask(now.umask);
  ::getrlimit(RLIMIT_CORE, &now.core);
  return now;
}

} // namespace

void make_process_private() {
  before() = settings_now();
  ::umask(private_mask);
  // Not PR_SET_DUMPABLE: a sweep must see the environment of a server inside a run. 1 and not 0: of a core that goes to
  // a pipe, the kernel asks nothing else (core(5)).
  const auto most = before()->core.rlim_max;
  const rlimit no_core{std::min<rlim_t>(most, 1), most};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

inherited_settings inherited() { return before() ? *before() : settings_now(); }

} // namespace agent_dispatch
