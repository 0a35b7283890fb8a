#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Runs a small concurrent system in all orders that can make a difference, one after the other, each from the start.
///
/// The system consists of processes (actors, and what happens outside of them). A step is one message that an actor
/// deals with, or one event. Two steps commute unless they are of the same process, put something into the same
/// mailbox, touch the same thing, or one has made the other possible. Of orders that differ only in steps that commute,
/// one is run: dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas:
/// "Optimal dynamic partial order reduction", POPL 2014, algorithm 1). Nothing is sampled, and no state is taken for
/// equal to another.
namespace agent_dispatch::interleavings {

/// What one step has done. Names, so that a person can read them.
struct step {
  std::string label;                                 ///< "requests: run_finished front.1.0"
  std::vector<std::pair<std::string, int>> mailed{}; ///< mailboxes (by process), and how many messages each got
  std::vector<std::string> touched{};                ///< shared things
  bool is_barrier = false;                           ///< commutes with nothing: done only when nothing else is possible
};

/// One run of the system. The same choices lead to the same steps.
class explorable {
public:
  virtual ~explorable() = default;
  /// What lies in the mailboxes at the start.
  virtual std::vector<std::pair<std::string, int>> mailed_before() { return {}; }
  /// Processes that have a step to do. One that is in here stays until it has done it, whatever the others do.
  virtual std::vector<std::string> possible() = 0;
  virtual step take(const std::string& process) = 0;
  /// A sentence when something has happened that must not; looked at after every step.
  virtual std::optional<std::string> broken() = 0;
  /// The same when nothing is possible any more.
  virtual std::optional<std::string> broken_at_end() = 0;
};

using make_explorable = std::function<std::unique_ptr<explorable>()>;

enum class reduction {
  by_dependence,
  none, ///< every order; for tests of the explorer
};

struct limits_of_search {
  std::size_t runs = 20'000; ///< then the search gives up, which is a failure
  std::size_t steps = 1'000; ///< of one run; more are taken for a system that never ends
};

/// What was seen.
struct findings {
  std::size_t runs = 0;                 ///< to their end
  std::size_t cut = 0;                  ///< ended early: the same as one before
  std::size_t steps = 0;                ///< without those that only led back to a choice
  std::size_t longest = 0;              ///< steps
  std::optional<std::string> problem{}; ///< of the first run that was broken: the sentence
  std::vector<std::string> story{};     ///< its steps
  std::string choices{};                ///< its choices, for `replay`: "0,2,1", one number per step
};

/// Searches until all orders are seen, or one is broken.
findings explore(const make_explorable& make, reduction how = reduction::by_dependence, limits_of_search limits = {});

/// Runs one order: at each step the so-manieth of what is possible (the first, when `choices` is over).
findings replay(const make_explorable& make, const std::string& choices, limits_of_search limits = {});

/// The figures in one line; and of a broken run the sentence, each step, and how to run it again.
std::string words(const findings& found, const std::string& scenario);

} // namespace agent_dispatch::interleavings
