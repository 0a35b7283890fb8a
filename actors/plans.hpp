#pragma once

#include "messages/actors.hpp"

/// What requests become when they are accepted: everything resolved, all ids chosen.
namespace agent_dispatch {

/// A single run. The failing side is the answer: a result that says why the run is refused, or a fault when the call
/// itself is wrong.
tl::expected<run_spec_ptr, dispatch_answer> make_spec(const request_key& key, const dispatch_call& call,
                                                      const configuration& config);

/// A request that consists of others. Everything is checked before anything runs: the first thing that is wrong with
/// any part refuses the whole, as `invalid_argument` or `unknown_agent`. What would refuse a run is that item's answer,
/// or fails that side's turn. The failing side is the answer, also where that is all there is to say.
tl::expected<composite_plan_ptr, dispatch_answer> make_plan(const request_key& key, const dispatch_call& call,
                                                            const configuration& config);

} // namespace agent_dispatch
