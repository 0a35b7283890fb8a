#pragma once

#include <string>

#include "messages/run.hpp"

namespace agent_dispatch {

/// What the agent's CLI reads on its standard input, UTF-8.
///
/// Without caller and goal: the bare task, or `Context:` and `Task:` when there is context. With either: the sections
/// `## Goal`, `## Dispatched by`, `## Context`, `## Task`, in that order, those that are present.
/// `response_format::json` adds a footer that asks for one JSON value and nothing else.
std::string build_prompt(const run_request& request);

} // namespace agent_dispatch
