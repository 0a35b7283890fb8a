#pragma once

#include <string>
#include <string_view>

#include "messages/run.hpp"

namespace agent_dispatch {

/// What the agent's CLI reads on its standard input, UTF-8.
///
/// Without caller and goal: the bare task, or `Context:` and `Task:` when there is context. With either: the sections
/// `## Goal`, `## Dispatched by`, `## Context`, `## Task`, in that order, those that are present.
/// `response_format::json` adds a footer that asks for one JSON value and nothing else. `shared_context` comes before
/// the request's own context, as a part of it.
std::string build_prompt(run_request request, std::string_view shared_context = {});

} // namespace agent_dispatch
