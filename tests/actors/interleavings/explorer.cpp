#include "tests/actors/interleavings/explorer.hpp"

#include <algorithm>
#include <bitset>
#include <deque>
#include <sstream>
#include <stdexcept>

namespace agent_dispatch::interleavings {

namespace {

constexpr std::size_t most_names = 256;
using thing_set = std::bitset<most_names>;
using event_set = std::vector<bool>;
/// Instead of a step that has sent a message.
constexpr auto from_the_start = static_cast<std::size_t>(-1);

/// Numbers for names, the same for all runs of a search.
class name_table {
public:
  std::size_t number(const std::string& name) {
    const auto [place, is_new] = numbers_.emplace(name, numbers_.size());
    if (place->second >= most_names)
      throw std::logic_error("the system has more processes and things than the explorer can tell apart");
    return place->second;
  }

private:
  std::map<std::string, std::size_t> numbers_;
};

/// A point of the current run: what can be done there, and what was done.
struct point {
  std::vector<std::string> possible;
  std::set<std::size_t> enabled;
  std::set<std::size_t> wanted;           ///< the source set: to be done from here
  std::map<std::size_t, thing_set> sleep; ///< done from here, or covered by what was done before, with what it touches

  std::size_t process = 0;
  thing_set touched;
  bool is_barrier = false;
  std::string label;
  event_set before; ///< steps that have led to this one
};

/// Messages by the steps that have sent them.
using senders = std::map<std::size_t, std::deque<std::size_t>>;

class search {
public:
  search(const make_explorable& make, reduction how, limits_of_search limits)
      : make_{make}, how_{how}, limits_{limits} {}

  findings all() {
    run();
    while (!found_.problem && next()) {
      if (found_.runs + found_.cut >= limits_.runs) {
        found_.problem = "the search was given up after " + std::to_string(limits_.runs) + " runs";
        break;
      }
      run();
    }
    return std::move(found_);
  }

  findings one(const std::string& choices) {
    std::istringstream in{choices};
    for (std::string number; std::getline(in, number, ',');)
      fixed_.push_back(std::stoul(number));
    run();
    return std::move(found_);
  }

private:
  /// From the start, along the choices made before, to the end.
  void run() {
    world_.reset(); // two at a time would share their scheduler
    world_ = make_();
    mailed_.clear();
    for (const auto& [to, count] : world_->mailed_before())
      mailed_[names_.number(to)].assign(static_cast<std::size_t>(count), from_the_start);
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (!take(i, i + 1 < points_.size()))
        return;
    while (true) {
      if (auto problem = world_->broken()) {
        report(*problem);
        return;
      }
      if (!enter()) {
        ++found_.cut;
        return;
      }
      if (points_.back().possible.empty()) {
        points_.pop_back();
        ++found_.runs;
        found_.longest = std::max(found_.longest, points_.size());
        if (auto problem = world_->broken_at_end())
          report(*problem);
        return;
      }
      if (!take(points_.size() - 1, false))
        return;
    }
  }

  /// A new point after the last one; false when all that could be done from there has been done elsewhere.
  bool enter() {
    point fresh;
    fresh.possible = world_->possible();
    for (const auto& name : fresh.possible)
      fresh.enabled.insert(names_.number(name));
    if (!points_.empty() && how_ == reduction::by_dependence)
      for (const auto& [process, touched] : points_.back().sleep)
        if (process != points_.back().process && !points_.back().is_barrier &&
            (touched & points_.back().touched).none())
          fresh.sleep.emplace(process, touched);
    const auto chosen = choose(fresh);
    if (!fresh.possible.empty() && !chosen)
      return false;
    if (chosen) {
      fresh.process = *chosen;
      fresh.wanted.insert(*chosen);
      if (how_ == reduction::none)
        fresh.wanted = fresh.enabled;
    }
    points_.push_back(std::move(fresh));
    return true;
  }

  std::optional<std::size_t> choose(const point& fresh) {
    if (points_.size() < fixed_.size() && !fresh.possible.empty())
      return names_.number(fresh.possible.at(fixed_[points_.size()]));
    for (const auto& name : fresh.possible)
      if (const auto process = names_.number(name); !fresh.sleep.contains(process))
        return process;
    return std::nullopt;
  }

  /// Does the step that was chosen at a point. False when the run is over with it.
  bool take(std::size_t at, bool is_known) {
    auto& here = points_[at];
    const auto now_possible = world_->possible();
    if (now_possible != here.possible)
      throw std::logic_error("the same choices have led to something else: the system is not deterministic");
    const auto name = *std::find_if(now_possible.begin(), now_possible.end(),
                                    [&](const auto& each) { return names_.number(each) == here.process; });
    if (at >= limits_.steps) {
      report("it did not end after " + std::to_string(limits_.steps) + " steps");
      return false;
    }
    auto done = world_->take(name);
    if (is_known && done.label != here.label)
      throw std::logic_error("the same choices have led to '" + done.label + "' instead of '" + here.label + "'");
    std::optional<std::size_t> sent_by;
    if (auto& waiting = mailed_[here.process]; !waiting.empty()) {
      sent_by = waiting.front();
      waiting.pop_front();
    }
    for (const auto& [to, count] : done.mailed)
      for (int i = 0; i < count; ++i)
        mailed_[names_.number(to)].push_back(at);
    if (is_known)
      return true;
    ++found_.steps;
    note(at, done);
    if (how_ == reduction::by_dependence) {
      order(at, sent_by);
      look_for_races(at);
    }
    return true;
  }

  void note(std::size_t at, step& done) {
    auto& here = points_[at];
    here.label = std::move(done.label);
    here.is_barrier = done.is_barrier;
    here.touched.reset();
    for (const auto& [to, count] : done.mailed)
      here.touched.set(names_.number("mailbox of " + to));
    for (const auto& thing : done.touched)
      here.touched.set(names_.number(thing));
  }

  /// What has led to a step for certain: the process's last one, the sender of its message, what made it possible.
  void order(std::size_t at, std::optional<std::size_t> sent_by) {
    auto& here = points_[at];
    here.before.assign(at, false);
    if (sent_by && *sent_by != from_the_start)
      add(here.before, *sent_by);
    for (std::size_t i = at; !sent_by && i-- > 0;)
      if (!points_[i].enabled.contains(here.process)) { // the step there has made it possible
        add(here.before, i);
        break;
      }
    for (std::size_t i = at; i-- > 0;)
      if (points_[i].process == here.process || points_[i].is_barrier || here.is_barrier) {
        add(here.before, i);
        if (!here.is_barrier)
          break;
      }
  }

  void add(event_set& events, std::size_t event) const {
    events[event] = true;
    const auto& more = points_[event].before;
    for (std::size_t i = 0; i < more.size(); ++i)
      events[i] = events[i] || more[i];
  }

  /// Earlier steps that this one could have come before: from where they were done, the other order is wanted too.
  void look_for_races(std::size_t at) {
    auto& here = points_[at];
    std::vector<std::size_t> races;
    for (std::size_t i = at; i-- > 0;)
      if (!here.before[i] && (points_[i].touched & here.touched).any()) {
        races.push_back(i);
        add(here.before, i);
      }
    for (const auto race : races)
      reverse(race, at);
  }

  void reverse(std::size_t earlier, std::size_t later) {
    auto& there = points_[earlier];
    std::vector<std::size_t> beside; // steps that do not follow from the earlier one, and the later one
    for (auto i = earlier + 1; i < later; ++i)
      if (!points_[i].before[earlier])
        beside.push_back(i);
    beside.push_back(later);
    std::set<std::size_t> first;
    for (std::size_t i = 0; i < beside.size(); ++i) {
      const auto& before = points_[beside[i]].before;
      if (std::none_of(beside.begin(), beside.begin() + static_cast<std::ptrdiff_t>(i),
                       [&](std::size_t other) { return before[other]; }))
        first.insert(points_[beside[i]].process);
    }
    for (const auto process : first)
      if (there.wanted.contains(process) || there.sleep.contains(process))
        return;
    for (const auto process : {points_[later].process, *first.begin()})
      if (first.contains(process) && there.enabled.contains(process)) {
        there.wanted.insert(process);
        return;
      }
    throw std::logic_error("step '" + points_[later].label + "' depends on '" + there.label +
                           "' in a way that it does not say");
  }

  /// Goes back to the last point with something left to do.
  bool next() {
    while (!points_.empty()) {
      auto& last = points_.back();
      last.sleep.insert_or_assign(last.process, last.touched);
      for (const auto process : last.wanted)
        if (!last.sleep.contains(process)) {
          last.process = process;
          return true;
        }
      points_.pop_back();
    }
    return false;
  }

  void report(std::string problem) {
    found_.problem = std::move(problem);
    for (const auto& each : points_) {
      found_.story.push_back(each.label);
      const auto place = std::find_if(each.possible.begin(), each.possible.end(),
                                      [&](const auto& name) { return names_.number(name) == each.process; });
      found_.choices += (found_.choices.empty() ? "" : ",") + std::to_string(place - each.possible.begin());
    }
  }

  const make_explorable& make_;
  reduction how_;
  limits_of_search limits_;
  std::vector<std::size_t> fixed_;
  name_table names_;
  std::unique_ptr<explorable> world_;
  std::vector<point> points_;
  senders mailed_;
  findings found_;
};

} // namespace

findings explore(const make_explorable& make, reduction how, limits_of_search limits) {
  return search{make, how, limits}.all();
}

findings replay(const make_explorable& make, const std::string& choices, limits_of_search limits) {
  return search{make, reduction::none, limits}.one(choices);
}

std::string words(const findings& found, const std::string& scenario) {
  std::ostringstream out;
  out << scenario << ": " << found.runs << " orders to their end, " << found.cut << " cut short, " << found.steps
      << " steps, at most " << found.longest << " in an order";
  if (!found.problem)
    return out.str();
  out << "\nbroken: " << *found.problem << '\n';
  for (std::size_t i = 0; i < found.story.size(); ++i)
    out << "  " << i + 1 << ". " << found.story[i] << '\n';
  out << "run this order again:\n  AGENT_DISPATCH_ORDER=" << found.choices << " build/dev/bin/interleaving_tests '"
      << scenario << "'\n";
  return out.str();
}

} // namespace agent_dispatch::interleavings
