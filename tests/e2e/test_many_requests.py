"""Many requests at once, over one connection and over many: each is answered once, and nobody waits for the others to be done."""

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until

CONNECTIONS = 64
EACH = 20


def answers_of(calls, seconds=60):
    return [text_value(call.wait(seconds)["result"]) for call in calls]


def end_and_inspect(home):
    """Ends all servers and the supervisor. What they were asked was answered once, and nothing of them is left."""
    for client in home.clients:
        assert client.close() == 0
        assert not client.unmatched, "an answer that nobody waits for, or a second one"
    # The supervisor looks for the locks of frontends that have gone.
    wait_until(lambda: not list(home.state.glob("agent-dispatch/*/frontends/*")))
    assert home.cli("stop").code == 0
    wait_until(lambda: not home.agents_running() and not home.keepers() and not home.supervisors())
    assert not home.request_files() and not home.run_directories() and not home.trash()
    assert not [path for path in home.root.rglob("*") if path.is_socket()]
    assert not list((home.root / "tmp").iterdir())


class Gate:
    """Runs that hold all slots until it is opened."""

    AGENT = "gate"

    def __init__(self, home, client, slots):
        self.home, self.slots, self.door = home, slots, home.root / "door"
        task = stand_in.wait_for(self.door, "open")
        self.calls = [client.start_call("dispatch", {"agent": self.AGENT, "task": f"{number} {task}"}) for number in range(slots)]
        wait_until(lambda: len(home.agents_running()) == slots)

    def wait_for_queue(self, length):
        wait_until(lambda: self.home.status()["queued"] == length, 30)

    def open(self):
        self.door.touch()
        assert [answer["result"] for answer in answers_of(self.calls)] == ["open"] * self.slots


# --- one connection ---


def test_five_hundred_requests_on_one_connection_are_answered_once_each(home):
    """All are under way at once: no run begins before the last request has been taken in."""
    agents, slots = [f"agent{number}" for number in range(10)], 4
    home.write_config({name: {} for name in agents} | {Gate.AGENT: {"max_parallel": slots}}, settings={"max_concurrency": slots})
    client = home.serve()
    gate = Gate(home, client, slots)
    known = client.value("dispatch_async", {"agent": "agent0", "task": stand_in.say("known")})["job_id"]
    dispatches, jobs, listings, looks = [], [], [], []
    for number in range(125):
        task = {"agent": agents[number % len(agents)], "task": f"{number} {stand_in.say(f'answer {number}')}"}
        dispatches.append(client.start_call("dispatch", task))
        listings.append(client.start_call("list_agents"))
        jobs.append(client.start_call("dispatch_async", task | {"task": f"job {task['task']}"}))
        looks.append(client.start_call("dispatch_status", {"job_id": known}))
    # What needs no slot is answered although none is free.
    idents = [answer["job_id"] for answer in answers_of(jobs)]
    assert all(len(answer) == len(agents) + 1 for answer in answers_of(listings))
    assert {answer["status"] for answer in answers_of(looks)} == {"pending"}
    gate.wait_for_queue(251)
    assert not any(call.answered() for call in dispatches)
    gate.open()
    assert [answer["result"] for answer in answers_of(dispatches)] == [f"answer {number}" for number in range(125)]
    assert len(set(idents)) == 125
    for number, ident in enumerate(idents):
        assert home.ended_job(ident, 60)["result"]["result"] == f"answer {number}"
    home.ended_job(known, 60)
    end_and_inspect(home)


# --- many connections ---


def numbered(home, agent, at, number):
    """A dispatch that says which connection's it is, and which of it, and leaves a line where all do."""
    step = stand_in.count(home.root / "executions")
    return {"agent": agent, "task": f"{at} {number} {stand_in.steps(step, {'text': f'{at} {number}'})}"}


def order_of_execution(home, calls):
    """For each run, in the order in which they came to work: (connection, number of the request on it)."""
    of_session = {answer["session_id"]: tuple(map(int, answer["result"].split())) for each in calls for answer in answers_of(each)}
    return [of_session[session] for session in (home.root / "executions").read_text().split()]


@pytest.mark.parametrize("slots, dispatches", [(1, EACH // 4), (4, EACH // 2)])
def test_many_connections_get_their_turns(home, slots, dispatches):
    """Each connection has an agent of its own. A free slot goes to the agent that has waited longest, so no agent is given its next run
    before all others have been given as many; what was given and has not come to work yet is in a slot."""
    agents = {f"agent{at}": {"max_parallel": dispatches} for at in range(CONNECTIONS)}
    home.write_config(agents | {Gate.AGENT: {"max_parallel": slots}}, settings={"max_concurrency": slots})
    clients = [home.serve() for _ in range(CONNECTIONS)]
    gate = Gate(home, home.serve(), slots)
    calls = [
        [client.start_call("dispatch", numbered(home, f"agent{at}", at, number)) for number in range(dispatches)]
        for at, client in enumerate(clients)
    ]
    quick = [client.start_call("inspect_agent", {"name": f"agent{at}"}) for at, client in enumerate(clients) for _ in range(EACH - dispatches)]
    # What needs no slot is answered on every connection although none is free.
    assert [answer["name"] for answer in answers_of(quick)] == [name for name in agents for _ in range(EACH - dispatches)]
    gate.wait_for_queue(CONNECTIONS * dispatches)
    gate.open()
    order = order_of_execution(home, calls)
    # Within an agent the oldest is first; of several that run, any may come to work first.
    assert slots > 1 or [number for _, number in order] == sorted(number for _, number in order)
    assert sorted(order) == [(at, number) for at in range(CONNECTIONS) for number in range(dispatches)], "each is executed once"
    worked = [0] * CONNECTIONS
    for connection, _ in order:
        worked[connection] += 1
        not_yet = sum(max(0, worked[connection] - 1 - each) for each in worked)
        assert not_yet < slots, f"connection {connection} had {worked[connection]} runs when the others had {worked}"
    end_and_inspect(home)


def test_connections_that_share_an_agent_are_served_as_they_came(home):
    """One agent, one run at a time: whoever asks first is first, on whichever connection."""
    home.write_config({"shared": {}, Gate.AGENT: {}}, settings={"max_concurrency": 1})
    clients = [home.serve() for _ in range(8)]
    gate = Gate(home, home.serve(), 1)
    calls = [[] for _ in clients]
    asked = [(at, number) for number in range(5) for at in range(len(clients))]
    for queued, (at, number) in enumerate(asked):
        calls[at].append(clients[at].start_call("dispatch", numbered(home, "shared", at, number)))
        # Between connections there is no order but that of what has been taken in.
        gate.wait_for_queue(queued + 1)
    gate.open()
    assert order_of_execution(home, calls) == asked
    end_and_inspect(home)
