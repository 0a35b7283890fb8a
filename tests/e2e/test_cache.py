"""The result cache, and identical requests that share one run: all sessions of an account together."""

import itertools
import json
import os
import signal

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until

AGENTS = ("notes", "other")


class Counted:
    """A task that counts how often it is executed."""

    def __init__(self, home, *steps, name="ran"):
        self.file = home.root / name
        self.task = stand_in.steps(stand_in.count(self.file), *(steps or ({"text": "yes"},)))

    def call(self, **more):
        return {"agent": "notes", "task": self.task} | more

    @property
    def executions(self):
        return stand_in.executions(self.file)


@pytest.fixture
def client(home):
    configure(home)
    return home.serve()


@pytest.fixture
def counted(home):
    return Counted(home)


@pytest.fixture
def held(home):
    """A counted task that answers once its door is open."""
    task = Counted(home, {"wait_for": str(home.root / "door")}, {"text": "at last"})
    task.open = (home.root / "door").touch
    return task


def configure(home, agents=None, **cache):
    home.write_config(agents or {name: {} for name in AGENTS}, settings={"cache": cache} if cache else None)


def figures(client, *names):
    stats = client.value("cache_stats")
    return tuple(stats[name] for name in names)


def is_settled(home):
    return home.status()["live_runs"] == 0 and not home.run_directories() and not home.request_files()


def waiting_for_runs(home):
    """Request files: each names the run that it waits for."""
    return [json.loads(path.read_bytes())["run"]["key"] for path in home.request_files()]


# --- answered again ---


def test_the_same_is_answered_again_without_a_run(client, counted):
    first = client.value("dispatch", counted.call())
    again = client.value("dispatch", counted.call())
    assert again == first | {"cached": True} and list(again)[-1] == "cached"
    assert counted.executions == 1


@pytest.mark.parametrize(
    "more",
    [{"task": "x"}, {"context": "c"}, {"caller": "c"}, {"goal": "g"}, {"response_format": "json"}, {"agent": "other"}],
    ids=lambda more: next(iter(more)),
)
def test_what_is_part_of_the_question_makes_another_one(client, counted, more):
    client.value("dispatch", counted.call())
    assert "cached" not in client.value("dispatch", counted.call(**more))


def test_how_it_is_to_be_answered_is_no_part_of_the_question(client, counted):
    client.value("dispatch", counted.call(timeout_seconds=20))
    assert client.value("dispatch", counted.call(timeout_seconds=30))["cached"]
    assert client.value("dispatch", counted.call(summary_chars=3))["cached"]
    assert client.value("dispatch", counted.call(group=""))["cached"]
    assert client.value("dispatch", counted.call(response_format="text"))["cached"]


def test_all_sessions_share_it(home, client, counted):
    client.value("dispatch", counted.call())
    assert home.serve().value("dispatch", counted.call())["cached"]
    assert home.dispatch("notes", counted.task)["cached"]
    assert counted.executions == 1


def test_what_a_command_asked_serves_a_session(home, client, counted):
    assert "cached" not in home.dispatch("notes", counted.task)
    assert client.value("dispatch", counted.call())["cached"]


def test_two_accounts_share_nothing(home, client, counted):
    client.value("dispatch", counted.call())
    accounts = [{"ANTHROPIC_API_KEY": "two"}, {"CLAUDE_CONFIG_DIR": str(home.root)}, {"AWS_PROFILE": "x"}]
    for number, account in enumerate(accounts, 2):
        stranger = home.serve(env=home.env(**account))
        assert "cached" not in stranger.value("dispatch", counted.call())
        assert counted.executions == number
        assert stranger.value("dispatch", counted.call())["cached"]
    assert home.serve(env=home.env(EDITOR="vi")).value("dispatch", counted.call())["cached"]


@pytest.mark.parametrize("tool", ["dispatch_session", "dispatch_stream"])
def test_some_tools_always_ask_the_agent(client, counted, tool):
    client.value("dispatch", counted.call())
    assert "cached" not in client.value(tool, counted.call())
    assert counted.executions == 2
    assert figures(client, "hits", "misses", "size") == (0, 1, 1)


def test_a_job_always_runs(home, client, counted):
    client.value("dispatch", counted.call())
    job = client.value("dispatch_async", counted.call())["job_id"]
    assert home.ended_job(job)["status"] == "done" and counted.executions == 2


def test_commands_that_watch_always_run(home, client, counted):
    client.value("dispatch", counted.call())
    assert "cached" not in home.dispatch("notes", counted.task, "--stream")
    assert home.cli("test", "notes", counted.task).code == 0
    assert counted.executions == 3


def test_a_dialogue_always_runs(client, home):
    for _ in range(2):
        client.value("dispatch_dialogue", {"requester": "notes", "responder": "other", "topic": stand_in.say("[RESOLVED]")})
    assert figures(client, "hits", "misses", "size") == (0, 0, 0)


@pytest.mark.parametrize(
    "step", [{"exit": 3}, {"deny": "Bash"}, {"cost": 5}], ids=["failed", "denied", "over the budget"]
)
def test_only_a_clean_success_is_kept(home, step):
    configure(home, {"notes": {"max_budget_usd": 1.0}})
    client, counted = home.serve(), Counted(home, step, {"text": "yes"})
    for number in (1, 2):
        assert "cached" not in client.value("dispatch", counted.call())
        assert counted.executions == number
    assert figures(client, "hits", "misses", "size") == (0, 2, 0)


# --- refs, parallel calls, groups ---


def test_a_ref_is_made_anew(client, counted):
    first = client.value("dispatch", counted.call(return_ref=True))
    again = client.value("dispatch", counted.call(return_ref=True, summary_chars=2))
    assert again["cached"] and list(again)[-1] == "cached" and "cached" not in first
    assert again["ref"] != first["ref"] and again["summary"] == "ye"
    for ref in (first["ref"], again["ref"]):
        result = client.value("fetch_result", {"ref": ref})
        assert result["result"] == "yes" and "cached" not in result
    assert client.value("dispatch", counted.call())["cached"]
    assert counted.executions == 1


def test_items_of_a_parallel_call_are_answered_from_it(client, counted):
    items = [counted.call(), counted.call(return_ref=True), {"agent": "other", "task": "else"}]
    call = {"dispatches": json.dumps(items), "aggregate": "other"}
    client.value("dispatch", counted.call())
    answer = client.value("dispatch_parallel", call)
    assert [row.get("cached") for row in answer["individual_results"]] == [True, True, None]
    assert "cached" not in answer["aggregated"]
    answer = client.value("dispatch_parallel", call)
    assert [row.get("cached") for row in answer["individual_results"]] == [True, True, True]
    assert "cached" not in answer["aggregated"]  # whoever makes one answer of them is always asked
    assert counted.executions == 1


def test_what_a_group_shares_is_part_of_the_question(home, counted):
    def share(text):
        home.write_config({"notes": {}}, groups={"team": {"shared_context": text, "members": [{"agent": "notes"}]}})

    share("The stack is blue.")
    client = home.serve()
    assert "cached" not in client.value("dispatch", counted.call())
    assert "cached" not in client.value("dispatch", counted.call(group="team"))
    assert client.value("dispatch", counted.call(group="team"))["cached"]
    share("The stack is green.")
    assert "cached" not in client.value("dispatch", counted.call(group="team"))
    assert client.value("dispatch", counted.call())["cached"]


# --- figures, limits, invalidation ---


def test_the_figures(home, client, counted):
    assert client.value("cache_stats") == {
        "size": 0, "max_size": 1000, "hits": 0, "misses": 0, "evictions": 0, "hit_rate": 0.0, "ttl": 300
    }  # fmt: skip
    for _ in range(3):
        client.value("dispatch", counted.call())
    stats = client.value("cache_stats")
    assert stats | {"hits": 2, "misses": 1, "size": 1, "hit_rate": 0.667} == stats
    assert home.status()["cache"] == stats
    assert client.value("cache_clear") == {"cleared": 1}
    assert figures(client, "size", "hits", "misses", "hit_rate") == (0, 0, 0, 0.0)
    assert "cached" not in client.value("dispatch", counted.call())


def test_what_is_refused_before_it_is_looked_for_counts_nothing(home, client, counted):
    client.value("dispatch", counted.call(agent="nobody"))
    client.value("dispatch", counted.call(group="nobody"))
    deep = home.serve(env=home.env(AGENT_DISPATCH_DEPTH="3"))
    assert deep.value("dispatch", counted.call())["error_type"] == "recursion"
    assert figures(client, "hits", "misses") == (0, 0)


def test_the_oldest_goes_first(home):
    configure(home, max_size=2)
    client = home.serve()
    tasks = [Counted(home, name=f"ran{number}") for number in range(3)]
    for task in (*tasks[:2], tasks[0], tasks[2]):
        client.value("dispatch", task.call())
    assert figures(client, "size", "max_size", "evictions") == (2, 2, 1)
    assert client.value("dispatch", tasks[1].call())["cached"]
    assert "cached" not in client.value("dispatch", tasks[0].call())


def test_with_no_time_to_live_nothing_is_answered_again(home, counted):
    configure(home, ttl=0)
    client = home.serve()
    for number in (1, 2):
        assert "cached" not in client.value("dispatch", counted.call())
        assert counted.executions == number
    assert figures(client, "size", "ttl", "misses") == (0, 0, 2)


def test_switched_off_it_says_so(home, counted):
    configure(home, enabled=False)
    client = home.serve()
    for number in (1, 2):
        assert "cached" not in client.value("dispatch", counted.call())
        assert counted.executions == number
    for tool in ("cache_stats", "cache_clear"):
        answer = client.value(tool)
        assert answer["enabled"] is False and "settings.cache.enabled" in answer["message"]
    assert home.status()["cache"]["enabled"] is False


def test_a_broken_configuration_is_said(home, client):
    home.config.write_text("agents: [")
    for tool in ("cache_stats", "cache_clear"):
        answer = client.value(tool)
        assert "agents.yaml" in answer["error"] and "line" in answer["error"], answer


def test_a_broken_configuration_costs_no_answers(home, client, counted):
    client.value("dispatch", counted.call())
    sound = home.config.read_text()
    home.config.write_text("agents: [")
    assert home.status()["cache"]["size"] == 1
    assert "error" in client.value("dispatch", counted.call())
    home.config.write_text(sound)
    assert client.value("dispatch", counted.call())["cached"]


def by_tool(home, client):
    assert "error" not in client.value("update_agent", {"name": "notes", "description": "new"})


def by_command(home, client):
    assert home.cli("update", "notes", "--model", "sonnet").code == 0


def by_hand(home, client):
    configure(home, {"notes": {"allowed_tools": ["Read"]}, "other": {}})


def by_setting(home, client):
    home.write_config({name: {} for name in AGENTS}, settings={"default_permission_mode": "plan"})


@pytest.mark.parametrize("edit", [by_tool, by_command, by_hand])
def test_an_edit_of_an_agent_removes_its_answers_alone(home, client, counted, edit):
    client.value("dispatch", counted.call())
    client.value("dispatch", {"agent": "other", "task": "else"})
    edit(home, client)
    assert figures(client, "size") == (1,)
    assert "cached" not in client.value("dispatch", counted.call())
    assert client.value("dispatch", {"agent": "other", "task": "else"})["cached"]


def test_an_edit_of_what_all_inherit_removes_all(home, client, counted):
    client.value("dispatch", counted.call())
    by_setting(home, client)
    assert "cached" not in client.value("dispatch", counted.call())


def test_an_agent_that_was_removed_is_asked_when_it_is_back(home, client, counted):
    client.value("dispatch", counted.call())
    client.value("remove_agent", {"name": "notes"})
    client.value("add_agent", {"name": "notes", "directory": str(home.agent_directory("notes"))})
    assert "cached" not in client.value("dispatch", counted.call())


def test_it_goes_with_its_supervisor(home, client, counted):
    client.value("dispatch", counted.call())
    home.kill_supervisor()
    assert "cached" not in client.value("dispatch", counted.call())


# --- one run for all who ask at once ---


def start_all(clients, task, home):
    calls = [client.start_call("dispatch", task.call()) for client in clients]
    wait_until(lambda: len(home.request_files()) == len(calls) and home.agents_running())
    return calls


def test_identical_requests_in_flight_share_one_run(home, client, held):
    clients = [client, home.serve(), home.serve()]
    calls = start_all(clients, held, home)
    assert len(set(waiting_for_runs(home))) == 1
    status = home.status()
    assert (status["live_runs"], status["queued"], status["slots"]["used"]) == (1, 0, 1)
    held.open()
    answers = [text_value(call.wait()["result"]) for call in calls]
    assert answers[0]["result"] == "at last" and answers[1] == answers[0] and answers[2] == answers[0]
    assert held.executions == 1 and figures(client, "hits", "misses", "size") == (0, 3, 1)
    wait_until(lambda: is_settled(home))


def test_identical_items_of_a_parallel_call_share_one_run(home, client, counted):
    rows = client.value("dispatch_parallel", {"dispatches": json.dumps([counted.call()] * 5)})
    assert [row["result"] for row in rows] == ["yes"] * 5 and counted.executions == 1
    wait_until(lambda: is_settled(home))


def two_behind_another(home, task):
    """One slot, which a first client's run holds until the file `first` is there; two others ask for the same behind it."""
    home.write_config({"notes": {}}, settings={"max_concurrency": 1})
    clients = [home.serve() for _ in range(3)]
    blocker = Counted(home, {"wait_for": str(home.root / "first")}, name="blocker")
    first = clients[0].start_call("dispatch", blocker.call())
    wait_until(home.agents_running)
    calls = [client.start_call("dispatch", task.call()) for client in clients[1:]]
    wait_until(lambda: len(home.request_files()) == 3)
    return clients, blocker, first, calls


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_last_cancel_ends_the_run(home, client, held, order):
    clients = [client, home.serve(), home.serve()]
    calls = start_all(clients, held, home)
    for place in order[:2]:
        clients[place].cancel(calls[place])
        wait_until(lambda: len(home.request_files()) == 3 - order.index(place) - 1)
        assert home.agents_running()
    last = order[2]
    clients[last].cancel(calls[last])
    wait_until(lambda: not home.agents_running() and is_settled(home))
    assert not any(call.answered() for call in calls)  # MCP forbids it


def test_who_stays_gets_the_answer(home, client, held):
    clients = [client, home.serve()]
    calls = start_all(clients, held, home)
    client.cancel(calls[0])
    wait_until(lambda: len(home.request_files()) == 1)
    held.open()
    assert text_value(calls[1].wait()["result"])["result"] == "at last"
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


def test_a_command_that_is_interrupted_leaves_the_run_to_the_others(home, client, held):
    call = client.start_call("dispatch", held.call())
    wait_until(home.agents_running)
    process = home.start("dispatch", "notes", held.task)
    wait_until(lambda: len(home.request_files()) == 2)
    process.send_signal(signal.SIGINT)
    answer = home.finish(process)
    assert answer.code != 0 and "its run goes on" in answer.err, answer
    held.open()
    assert text_value(call.wait()["result"])["result"] == "at last"


@pytest.mark.parametrize("victim", [0, 1])
def test_a_frontend_that_dies_takes_itself_off_alone(home, client, held, victim):
    clients = [client, home.serve()]
    calls = start_all(clients, held, home)
    clients[victim].end_with(signal.SIGKILL)
    wait_until(lambda: len(home.request_files()) == 1)
    assert home.agents_running()
    held.open()
    assert text_value(calls[1 - victim].wait()["result"])["result"] == "at last"
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


def test_who_shared_a_queued_run_shares_its_place(home, held):
    clients, blocker, first, calls = two_behind_another(home, held)
    assert home.status()["queued"] == 1
    clients[1].cancel(calls[0])
    wait_until(lambda: len(home.request_files()) == 2)
    assert home.status()["queued"] == 1
    (home.root / "first").touch()
    held.open()
    assert text_value(first.wait()["result"])["success"]
    assert text_value(calls[1].wait()["result"])["result"] == "at last"
    assert held.executions == 1


def test_an_edit_separates_those_before_from_those_after(home, client, held):
    first = client.start_call("dispatch", held.call())
    wait_until(home.agents_running)
    home.write_config({"notes": {"max_parallel": 2, "model": "sonnet"}, "other": {}})
    second = home.serve().start_call("dispatch", held.call())
    wait_until(lambda: len(home.agents_running()) == 2)
    held.open()
    assert text_value(first.wait()["result"])["success"] and text_value(second.wait()["result"])["success"]
    assert held.executions == 2


@pytest.mark.parametrize("slots", [1, 2])
def test_a_request_never_waits_for_the_run_that_it_is_nested_in(home, slots):
    """The agent dispatches the very task that it works on to itself, twice."""
    home.write_config({"notes": {}}, settings={"max_concurrency": slots, "max_dispatch_depth": 3})
    script, ran = home.root / "script", home.root / "ran"
    inner = f'agent-dispatch dispatch notes "$(cat {script})" --json'
    script.write_text(stand_in.steps(stand_in.count(ran), {"run": inner}))
    result = home.dispatch("notes", script.read_text())
    assert result["success"], result
    assert stand_in.executions(ran) == 3  # and the fourth is too deep
    wait_until(lambda: is_settled(home))


def test_a_nested_request_may_wait_for_another_ones_run_in_the_only_slot(home, held):
    """`notes` holds the only slot and waits for what somebody else has asked for, which needs it."""
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    outside, ready, inner = home.serve(), home.root / "ready", home.root / "inner"
    go = home.root / "go"
    inner.write_text(held.task)
    command = f'touch {ready}; while [ ! -e {go} ]; do sleep 0.01; done; agent-dispatch dispatch other "$(cat {inner})"'
    outer = home.start("dispatch", "notes", stand_in.steps({"run": command}), "--json")
    wait_until(ready.exists)
    queued = outside.start_call("dispatch", held.call(agent="other"))
    wait_until(lambda: home.status()["queued"] == 1)
    go.touch()
    wait_until(lambda: held.executions == 1, what="it has borrowed the slot of who waits for it")
    held.open()
    assert text_value(queued.wait()["result"])["result"] == "at last"
    assert home.finish(outer).json()["success"]
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


# --- and what a death does to it ---


def test_all_who_waited_get_the_answer_of_the_one_run_after_a_death(home, client, held):
    clients = [client, home.serve(), home.serve()]
    calls = start_all(clients, held, home)
    home.kill_supervisor()
    held.open()
    assert [text_value(call.wait()["result"])["result"] for call in calls] == ["at last"] * 3
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


def test_a_cancel_after_a_death_takes_one_off(home, client, held):
    clients = [client, home.serve()]
    calls = start_all(clients, held, home)
    home.kill_supervisor()
    client.cancel(calls[0])
    wait_until(lambda: len(home.request_files()) == 1)
    assert home.agents_running()
    held.open()
    assert text_value(calls[1].wait()["result"])["result"] == "at last"
    assert held.executions == 1


@pytest.mark.parametrize("victim", [0, 1])
def test_a_frontend_that_dies_with_the_supervisor_leaves_the_run_to_the_other(home, client, held, victim):
    clients = [client, home.serve()]
    calls = start_all(clients, held, home)
    home.kill_supervisor()
    clients[victim].end_with(signal.SIGKILL)
    wait_until(lambda: len(home.request_files()) == 1)
    held.open()
    assert text_value(calls[1 - victim].wait()["result"])["result"] == "at last"
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


def test_what_was_queued_for_several_is_started_once_after_a_death(home, held):
    clients, blocker, first, calls = two_behind_another(home, held)
    home.kill_supervisor()
    (home.root / "first").touch()
    held.open()
    assert text_value(first.wait()["result"])["success"]
    assert [text_value(call.wait()["result"])["result"] for call in calls] == ["at last"] * 2
    assert held.executions == 1 and blocker.executions == 1
    wait_until(lambda: is_settled(home))


def test_an_upgrade_keeps_a_shared_run(home, client, held):
    clients = [client, home.serve()]
    calls = start_all(clients, held, home)
    assert home.cli("stop", "--keep-runs").code == 0
    held.open()
    assert [text_value(call.wait()["result"])["result"] for call in calls] == ["at last"] * 2
    assert held.executions == 1
    wait_until(lambda: is_settled(home))


# --- what a review found ---


def test_items_that_are_the_same_end_with_their_call(home, client, held):
    call = client.start_call("dispatch_parallel", {"dispatches": json.dumps([held.call()] * 3)})
    wait_until(lambda: held.executions == 1)
    client.cancel(call)
    wait_until(lambda: not home.agents_running() and is_settled(home))


def test_a_known_item_is_known_to_the_next_supervisor_too(home, client, held):
    counted = Counted(home, name="known")
    first = client.value("dispatch", counted.call())
    items = [counted.call(return_ref=True), held.call(agent="other")]
    call = client.start_call("dispatch_parallel", {"dispatches": json.dumps(items)})
    wait_until(lambda: held.executions == 1)
    home.kill_supervisor()
    held.open()
    known = text_value(call.wait()["result"])[0]
    assert counted.executions == 1 and known["cached"] and known["session_id"] == first["session_id"]
    assert client.value("fetch_result", {"ref": known["ref"]})["session_id"] == first["session_id"]
    wait_until(lambda: is_settled(home))


@pytest.mark.parametrize("end", ["kill", "keep runs"])
def test_a_nested_wait_for_anothers_run_outlives_the_supervisor(home, held, end):
    """One slot: `notes` waits for what somebody else has queued, which can only have that slot."""
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    busy = Counted(home, {"wait_for": str(home.root / "busy-door")}, {"text": "x"}, name="busy")
    scripts = {"busy": busy.task, "held": held.task}
    for name, task in scripts.items():
        (home.root / f"{name}-task").write_text(task)
    go = home.root / "go"
    command = (
        f'agent-dispatch dispatch other "$(cat {home.root}/busy-task)" > /dev/null & while [ ! -e {go} ]; do sleep 0.01; done; '
        f'agent-dispatch dispatch other "$(cat {home.root}/held-task)"; wait'
    )
    outer = home.start("dispatch", "notes", stand_in.steps({"run": command}), "--json")
    wait_until(lambda: busy.executions == 1)
    outside = home.serve()
    queued = outside.start_call("dispatch", held.call(agent="other"))
    wait_until(lambda: home.status()["queued"] == 1)
    go.touch()
    wait_until(lambda: len(home.request_files()) == 4)
    if end == "kill":
        home.kill_supervisor()
    else:
        assert home.cli("stop", "--keep-runs").code == 0
    # All have asked again: the one outside, and the two from within the run.
    wait_until(lambda: home.status().get("frontends", 0) >= 4, 20)
    (home.root / "busy-door").touch()
    held.open()
    assert text_value(queued.wait()["result"])["result"] == "at last"
    assert home.finish(outer).json()["success"]
    assert held.executions == 1 and busy.executions == 1
    wait_until(lambda: is_settled(home))


def test_a_job_never_waits_for_the_run_that_asked_for_it(home):
    """An agent starts a job, which asks it the very question that it works on, and waits for that job."""
    home.write_config({name: {} for name in AGENTS})
    question, job, ran = home.root / "question", home.root / "job", home.root / "ran"
    job.write_text(stand_in.steps({"run": f'agent-dispatch dispatch notes "$(cat {question})"'}))
    wait = f'[ $AGENT_DISPATCH_DEPTH -gt 1 ] || agent-dispatch wait $(agent-dispatch dispatch --async other "$(cat {job})")'
    question.write_text(stand_in.steps(stand_in.count(ran), {"run": wait}))
    result = home.dispatch("notes", question.read_text())
    assert result["success"], result
    assert stand_in.executions(ran) == 2
    wait_until(lambda: is_settled(home))


def test_a_run_that_is_left_to_others_takes_no_seat_of_whom_it_left(home, held):
    home.write_config({"notes": {}}, settings={"max_concurrency": 1})
    pid, left = home.root / "pid", home.root / "left"
    (home.root / "task").write_text(held.task)
    (home.root / "first-task").write_text(stand_in.steps({"wait_for": str(home.root / "first")}, {"text": "x"}))
    command = (
        f'agent-dispatch dispatch notes "$(cat {home.root}/first-task)" > /dev/null & first=$!; '
        f"while ! agent-dispatch status --json | grep -q '\"live_runs\": *2'; do sleep 0.05; done; "
        f'agent-dispatch dispatch notes "$(cat {home.root}/task)" > /dev/null & echo $! > {pid}; wait $first; touch {left}; '
        f"while [ ! -e {home.root}/end ]; do sleep 0.01; done"
    )
    outer = home.start("dispatch", "notes", stand_in.steps({"run": command}), "--json")
    wait_until(lambda: pid.exists() and pid.read_text().strip() and home.status()["queued"] == 1)
    call = home.serve().start_call("dispatch", held.call())
    wait_until(lambda: len(home.request_files()) == 4)
    os.kill(int(pid.read_text()), signal.SIGINT)
    wait_until(lambda: len(home.request_files()) == 3)
    (home.root / "first").touch()
    wait_until(left.exists)
    status = home.status()
    assert (status["live_runs"], status["queued"]) == (1, 1) and held.executions == 0
    (home.root / "end").touch()
    held.open()
    assert home.finish(outer).json()["success"]
    assert text_value(call.wait()["result"])["result"] == "at last"
    wait_until(lambda: is_settled(home))


def test_a_stop_tells_all_who_share_a_run_how_it_ended(home, held):
    configure(home)
    commands = []
    for number in (1, 2):
        commands.append(home.start("dispatch", "notes", held.task, "--json"))
        wait_until(lambda: len(home.request_files()) == number and held.executions == 1)
    assert home.cli("stop", "--now").code == 0
    results = [home.finish(command).json() for command in commands]
    assert results[0] == results[1] and results[0]["error_type"] == "cancelled" and "session_id" in results[0]


def test_a_job_never_waits_for_who_polls_it_when_what_asked_for_it_has_ended(home):
    """`notes` asks `other`, which starts a job and ends; the job asks the very question that `notes` works on, which polls it."""
    home.write_config({"notes": {"max_parallel": 2}, "other": {"max_parallel": 2}}, settings={"max_dispatch_depth": 5})
    question, middle, job, ran = (home.root / name for name in ("question", "middle", "job", "ran"))
    job.write_text(stand_in.steps({"run": f'agent-dispatch dispatch notes "$(cat {question})"'}))
    middle.write_text(stand_in.steps({"run": f'agent-dispatch dispatch --async other "$(cat {job})"'}))
    poll = (
        f'[ $AGENT_DISPATCH_DEPTH -gt 1 ] || {{ id=$(agent-dispatch dispatch other "$(cat {middle})" | grep -oE "[0-9a-f]{{32}}" | head -1); '
        'while ! agent-dispatch job $id --json | grep -qE \'"status": "(done|failed)"\'; do sleep 0.1; done; agent-dispatch job $id --json; }'
    )
    question.write_text(stand_in.steps(stand_in.count(ran), {"run": poll}))
    result = home.dispatch("notes", question.read_text())
    assert result["success"] and '"status": "done"' in result["result"], result
    assert stand_in.executions(ran) == 2
    wait_until(lambda: is_settled(home))
