#include "actors/last_words.hpp"

#include <typeinfo>

namespace agent_dispatch {

std::string text_of(const std::exception_ptr& problem) {
  if (!problem)
    return "no exception";
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& each) {
    return std::string{typeid(each).name()} + ": " + each.what();
  } catch (...) {
    return "an exception of an unknown kind";
  }
}

} // namespace agent_dispatch
