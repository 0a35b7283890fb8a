"""Supervisors and actors that are made to die at a named point (actors/death_point.hpp)."""

import stand_in
from processes import wait_until


def served(home, order):
    """A client of a live supervisor, and a function that names the point in the file `order` of its state."""
    home.write_config({"notes": {}, "other": {}})
    client = home.serve()
    client.value("list_agents", {})
    (state,) = home.state.glob("agent-dispatch/*/")

    def arm(point):
        # Whole at once: the supervisor may look at any time.
        (state / "order").write_text(point)
        (state / "order").rename(state / order)

    home.order = state / order
    home.requests = state / "requests"
    return home, client, arm


def counted(home, *more):
    """A prompt that notes each of its executions."""
    return stand_in.steps({"append": str(home.root / "executions")}, *more, {"text": "the answer"})


def executions(home):
    file = home.root / "executions"
    return len(file.read_text().splitlines()) if file.exists() else 0


def check_nothing_is_left(home, client):
    assert client.value("dispatch", {"agent": "other", "task": stand_in.say("alive")})["result"] == "alive"
    wait_until(lambda: not list(home.requests.iterdir()) and not home.run_directories(), 15, "nothing is left")
    status = home.status()
    assert status["live_runs"] == 0 and status["queued"] == 0 and status["slots"]["used"] == 0
