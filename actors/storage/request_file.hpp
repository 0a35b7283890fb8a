#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "messages/fault.hpp"
#include "messages/supervision.hpp"

/// `<state>/requests/KEY`: a request that was accepted, with everything that its execution needs but the caller's
/// environment. No run is started before it is there, so what has no file has no run. A supervisor that starts executes
/// what it finds again; agents.yaml is not asked a second time.
namespace agent_dispatch {

/// JSON on one line, with a newline.
std::string encode_request(const accepted_request& request, std::string_view owner);

/// A request without its caller, and who wrote it.
struct read_request {
  accepted_request request;
  std::string owner;
};

/// Faults: `protocol` (it is damaged: names the member), `version_mismatch` (a newer program wrote it).
expected<read_request> decode_request(std::string_view text);

/// Puts the request's file in its place; `disk` for a job, `page_cache` for what goes with its caller. Fault `io`.
expected<void> write_request(const std::filesystem::path& directory, const accepted_request& request,
                             std::string_view owner);

/// Removes it; of a job on disk, too. Not there: nothing.
void remove_request(const std::filesystem::path& directory, const accepted_request& request);

struct request_listing {
  std::vector<read_request> requests;
  std::vector<std::string> skipped; ///< a sentence for each file that is no request of ours; it is left alone
  std::vector<std::string> names;   ///< of those files
  std::vector<run_key> runs;        ///< that those files name, as far as that can be read
  bool is_whole = true;             ///< false: some may be requests, of a newer program or behind a fault of the disk
};

/// All requests in the directory. Removes the temporary files of a writer that was killed; the caller must be the only
/// writer.
request_listing read_requests(const std::filesystem::path& directory);

} // namespace agent_dispatch
