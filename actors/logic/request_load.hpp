#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "messages/fault.hpp"
#include "messages/supervision.hpp"

namespace agent_dispatch {

/// What all requests together ask for that are not finished: runs, per agent and in all, and the bytes of their
/// prompts, which are in memory. Bounded by `limits::agent_requests`, `all_requests`, `all_request_bytes`.
class request_load {
public:
  /// What one request asks for.
  struct share {
    std::map<agent_name, std::size_t> runs{};
    std::size_t runs_in_all = 0;
    std::size_t bytes = 0;

    void add(const run_spec& spec);
  };

  static share of(const run_spec& spec);
  static share of(const composite_plan& plan);

  /// Why no request with this share can be taken now: a sentence with the figure. Absent: it can.
  std::optional<fault> refuses(const share& asked) const;

  void take(const share& asked);
  void give_back(const share& asked);

  bool is_empty() const { return runs_ == 0 && bytes_ == 0 && agents_.empty(); }

private:
  std::map<agent_name, std::size_t> agents_; ///< none with 0
  std::size_t runs_ = 0;
  std::size_t bytes_ = 0;
};

/// Bytes of everything that an agent is told.
std::size_t prompt_size(const run_request& run, const std::string& shared_context);

} // namespace agent_dispatch
