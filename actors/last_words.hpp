#pragma once

#include <caf/all.hpp>

namespace agent_dispatch {

/// What an exception that has ended an actor says; never empty.
std::string text_of(const std::exception_ptr& problem);

/// An exception in a handler ends the actor: whoever monitors it gets the exception's text as the reason, and CAF,
/// which would print it to stdout, does not. For every actor, first thing.
template <class Actor>
void tell_exceptions(Actor* self) {
  self->set_exception_handler([](std::exception_ptr& problem) -> caf::error {
    return caf::make_error(caf::sec::runtime_error, text_of(problem));
  });
}

} // namespace agent_dispatch
