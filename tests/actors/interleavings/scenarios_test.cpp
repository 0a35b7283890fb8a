#include <catch2/catch.hpp>

#include "tests/actors/interleavings/supervisor_world.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::interleavings;

namespace {

using world = supervisor_world;

/// A job that its client knows.
struct accepted_job : world {
  explicit accepted_job(still_system& system, world_options options = {}) : world{system, options} {
    asks(front(1), call("alpha", call_kind::job));
    acknowledges(front(1));
    begin_when([this] { return !outside_.calls.contains(front(1)) && is_answered(front(1)); });
  }
};

/// The same; its run lives.
struct running_job : accepted_job {
  explicit running_job(still_system& system, world_options options = {}) : accepted_job{system, options} {
    begin_when([this] { return lives(front(1).run()); });
  }
};

} // namespace

TEST_CASE("all orders: the call of a job is cancelled") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), call("alpha", call_kind::job));
      begin_when([this] { return outside_.requests.contains(front(1)); });
      cancels(front(1));
      acknowledges(front(1));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: an accepted job is cancelled by its id") {
  struct scenario : accepted_job {
    explicit scenario(still_system& system) : accepted_job{system} { cancels_job_of(front(1)); }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a running job is cancelled by two") {
  struct scenario : running_job {
    explicit scenario(still_system& system) : running_job{system} {
      cancels_job_of(front(1));
      cancels_job_of(front(1));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a job is acknowledged and its frontend dies") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), call("alpha", call_kind::job));
      begin_when([this] { return is_answered(front(1)); });
      acknowledges(front(1));
      leaves({"front"});
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a request is cancelled") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), call());
      cancels(front(1));
      acknowledges(front(1));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a request is cancelled and its keeper is killed") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system, {.keepers_die = true}} {
      asks(front(1), call());
      begin_when([this] { return lives(front(1).run()); });
      cancels(front(1));
      acknowledges(front(1));
      leaves({"front"}, when_answered(front(1)));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a request is cancelled and its frontend dies") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), call());
      begin_when([this] { return lives(front(1).run()); });
      cancels(front(1));
      leaves({"front"});
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: two requests share a run and one is cancelled") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), shareable());
      begin_when([this] { return is_at_work(); });
      asks(front(2), shareable());
      cancels(front(1));
      acknowledges(front(1), when_answered(front(2)));
      acknowledges(front(2), when_answered(front(1)));
    }
    bool is_at_work() const { return lives(front(1).run()); }
    static dispatch_call shareable() {
      auto asked = call();
      asked.is_shareable = true;
      return asked;
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: two requests share a run and both are cancelled") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      auto asked = call();
      asked.is_shareable = true;
      asks(front(1), asked);
      asks(front(2), asked);
      begin_when([this] { return lives(front(1).run()) && outside_.requests.size() == 2; });
      cancels(front(1));
      cancels(front(2));
      acknowledges(front(1), when_ended(front(1)));
      acknowledges(front(2), when_ended(front(1)));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a queued request is cancelled while the one before it ends") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system} {
      asks(front(1), call());
      asks(front(2), call());
      begin_when([this] { return lives(front(1).run()) && outside_.requests.size() == 2; });
      cancels(front(2));
      acknowledges(front(1), when_answered(front(2)));
      acknowledges(front(2), when_answered(front(1)));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a run in a borrowed slot and its parent end or are cancelled") {
  struct scenario : world {
    explicit scenario(still_system& system) : world{system, {.slots = 1}} {
      asks(front(1), call());
      begin_when([this] { return lives(front(1).run()); });
      auto nested = call("beta");
      auto caller = std::make_shared<caller_context>();
      caller->parent = front(1).run();
      caller->depth = 1;
      nested.caller = caller;
      asks(inner(1), nested);
      begin_when([this] { return lives(inner(1).run()); });
      cancels(front(1));
      acknowledges(inner(1), when_answered(front(1)));
      acknowledges(front(1), when_answered(inner(1)));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a job ends while it is waited for") {
  struct scenario : running_job {
    explicit scenario(still_system& system) : running_job{system} {
      watches_job_of(front(1), front(2));
      stops_watching(front(2));
    }
  };
  check_all_orders<scenario>();
}

TEST_CASE("all orders: a job is cancelled while it is waited for") {
  struct scenario : running_job {
    explicit scenario(still_system& system) : running_job{system} {
      watches_job_of(front(1), front(2));
      cancels_job_of(front(1));
    }
  };
  check_all_orders<scenario>();
}

namespace {

/// Until the supervisor dies.
struct dying_with_request : world {
  explicit dying_with_request(still_system& system) : world{system, {.is_watched_outside = true}} {
    asks(front(1), call());
    cancels(front(1));
    acknowledges(front(1));
  }
};
struct dying_with_job : world {
  explicit dying_with_job(still_system& system) : world{system, {.is_watched_outside = true}} {
    asks(front(1), call("alpha", call_kind::job));
    acknowledges(front(1));
  }
};

/// The next supervisor, and the frontend redials.
struct asked_again : world {
  asked_again(still_system& system, surroundings found) : world{system, {}, std::move(found)} {
    has_recovered();
    redials();
    acknowledges(front(1), {[this] { return !lives(front(1).run()); }, {keeper_of(front(1).run())}});
  }
};

/// The same, and then the client cancels.
struct asked_again_and_cancelled : asked_again {
  asked_again_and_cancelled(still_system& system, surroundings found) : asked_again{system, std::move(found)} {
    cancels(front(1));
  }
};

/// The next supervisor, and the frontend is gone, or goes while it is looked for.
struct left_alone : world {
  left_alone(still_system& system, surroundings found) : world{system, {}, std::move(found)} {
    recovers();
    dies({"front"});
  }
};

} // namespace

TEST_CASE("all orders: the supervisor of a request dies and its frontend redials") {
  check_all_deaths<dying_with_request, asked_again_and_cancelled>();
}

TEST_CASE("all orders: the supervisor of a job dies and its frontend redials") {
  check_all_deaths<dying_with_job, asked_again>();
}

TEST_CASE("all orders: the supervisor of a request dies and then its frontend", "[.long]") {
  check_all_deaths<dying_with_request, left_alone>();
}

TEST_CASE("all orders: the supervisor of a job dies and then its frontend", "[.long]") {
  check_all_deaths<dying_with_job, left_alone>();
}

// After two of the deaths some 60,000 orders each.
TEST_CASE("all orders: the supervisor of a job dies and its call is cancelled", "[.long]") {
  check_all_deaths<dying_with_job, asked_again_and_cancelled>({.runs = 2'000'000});
}
