#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agent_dispatch::doctor {

enum class finding_status {
  ok,
  warning, ///< works, or will; exit code 0
  failure, ///< something does not work; exit code 1
};

/// The words of `--json`: `ok`, `warning`, `failure`.
std::string_view to_string(finding_status status);

/// What one check came to.
struct finding {
  std::string check; ///< stable name: `cli`, `registration`, `agent:NAME`, …
  finding_status status = finding_status::ok;
  std::string message; ///< sentences, UTF-8; may hold text of others: print it as `printable`
  std::string remedy;  ///< a command line for a POSIX shell; "": no single one would do

  bool operator==(const finding&) const = default;
};

using findings = std::vector<finding>;

} // namespace agent_dispatch::doctor
