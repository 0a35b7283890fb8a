"""Requests that consist of others: parallel calls and dialogues, and what kills of the supervisor do to them."""

import json
import signal

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until

AGENTS = ("one", "two", "three")


@pytest.fixture
def client(home):
    home.write_config(
        {name: {} for name in AGENTS},
        groups={
            "team": {
                "shared_context": "what all know",
                "members": [{"agent": "one", "use_for": "the first"}, {"agent": "gone"}],
            },
            "empty": {"description": "nobody yet", "members": []},
        },
    )
    return home.serve()


def parallel(*items, **more):
    return {"dispatches": json.dumps(items)} | more


def item(agent, task, **more):
    return {"agent": agent, "task": task} | more


def is_settled(home):
    status = home.status()
    return status["live_runs"] == 0 and not home.run_directories() and not home.request_files() and not home.trash()


# --- parallel ---


def test_all_items_are_answered_in_order(home, client):
    rows = client.value("dispatch_parallel", parallel(*(item(name, stand_in.say(name)) for name in AGENTS)))
    assert [(row["agent"], row["success"], row["result"]) for row in rows] == [(name, True, name) for name in AGENTS]
    wait_until(lambda: is_settled(home))


def test_items_run_side_by_side(home, client):
    """Each waits for the file that the next one makes."""
    tasks = {
        "one": stand_in.steps({"wait_for": str(home.root / "two")}, {"text": "x"}),
        "two": stand_in.steps({"touch": str(home.root / "two")}, {"wait_for": str(home.root / "three")}, {"text": "x"}),
        "three": stand_in.steps({"touch": str(home.root / "three")}, {"text": "x"}),
    }
    rows = client.value("dispatch_parallel", parallel(*(item(*each) for each in tasks.items())))
    assert all(row["success"] for row in rows)


def test_one_failure_is_that_items_answer_and_goes_to_the_aggregator(home, client):
    items = [
        item("one", stand_in.say("fine")),
        item("two", stand_in.steps({"exit": 3})),
        item("three", stand_in.say("kept " * 50), return_ref=True, summary_chars=4),
    ]
    answer = client.value("dispatch_parallel", parallel(*items, aggregate="one"))
    first, second, third = answer["individual_results"]
    assert first["success"] and not second["success"] and second["error_type"] == "cli_error"
    assert third["summary"] == "kept" and third["size"] == 250 and "result" not in third
    assert client.value("fetch_result", {"ref": third["ref"]})["result"] == "kept " * 50
    told = answer["aggregated"]["result"]  # the stand-in says what it was told
    assert answer["aggregated"]["agent"] == "one"
    assert "## one: done\nfine" in told and "## two: failed (cli_error)" in told
    assert "## three: done, the first 4 characters\nkept\n" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "required"),
        ({"dispatches": "x"}, "not valid JSON"),
        ({"dispatches": "[]"}, "at least one"),
        ({"dispatches": '{"agent": "one"}'}, "array"),
        (parallel(1), "dispatches[0]: it must be an object"),
        (parallel(item("one", "t"), {"agent": "one"}), "dispatches[1]: parameter 'task' is required"),
        (parallel(item("one", "t", timeout_seconds="soon")), "dispatches[0]: parameter 'timeout_seconds'"),
        (parallel(item("one", "t", response_format="xml")), "dispatches[0]: parameter 'response_format'"),
        (parallel(item("one", "t", speed=9)), "dispatches[0]: unknown parameter 'speed'"),
        (parallel(item("one", "t"), item("nobody", "t")), "dispatches[1]: Unknown agent: 'nobody'"),
        (parallel(item("two", "t", group="team")), "dispatches[0]: Agent 'two' is not a member"),
        (parallel(item("one", "t", group="nothing")), "dispatches[0]: Unknown group"),
        (parallel(item("one", "t"), aggregate="nobody"), "aggregate: Unknown agent"),
        (parallel(*[item("one", "t")] * 101), "at most 100"),
    ],
)
def test_what_is_wrong_with_any_item_refuses_the_call_before_anything_runs(home, client, arguments, said):
    answer = client.call("dispatch_parallel", arguments)
    assert answer["isError"] and said in text_value(answer)["error"], answer
    assert not home.run_directories() and not home.request_files()


def test_null_is_not_given_and_numbers_may_be_text(client):
    (row,) = client.value(
        "dispatch_parallel",
        parallel(item("one", stand_in.say("x"), context=None, timeout_seconds="30", return_ref=None, group=None)),
    )
    assert row["success"]


def test_a_cancel_ends_all_items(home, client):
    call = client.start_call("dispatch_parallel", parallel(*(item(name, stand_in.hang()) for name in AGENTS), aggregate="one"))
    wait_until(lambda: len(home.agents_running()) == 3)
    client.cancel(call)
    wait_until(lambda: not home.agents_running() and is_settled(home), 20)
    assert not call.answered()


def test_progress_names_the_agent(home, client):
    door = home.root / "door"
    task = stand_in.steps({"text": "half way"}, {"wait_for": str(door)}, {"text": "end"})
    call = client.start_call("dispatch_parallel", parallel(item("one", task), item("two", stand_in.say("x"))), token="t")
    client.wait_notification(lambda m: "one: half way" in m["params"].get("message", ""), 20)
    door.touch()
    assert len(text_value(call.wait()["result"])) == 2


# --- killed in the middle ---


@pytest.mark.parametrize("moment", ["running", "partly answered", "aggregating", "queued"])
@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_supervisor_costs_no_item_twice(home, moment, kills):
    settings = {"max_concurrency": 1} if moment == "queued" else {}
    home.write_config({name: {} for name in AGENTS}, settings=settings)
    client = home.serve()
    door, gate, ran = home.root / "door", home.root / "gate", home.root / "ran"
    quick = moment in ("partly answered", "aggregating")
    items = [
        item(name, stand_in.steps(stand_in.count(ran), *([] if quick and name != "one" else [{"wait_for": str(door)}]), {"text": name}))
        for name in AGENTS
    ]
    # What the aggregator is told makes it wait: it is the first item's answer.
    if moment == "aggregating":
        items[0]["task"] = stand_in.say(stand_in.steps(stand_in.count(ran), {"wait_for": str(gate)}, {"text": "all"}))
    call = client.start_call("dispatch_parallel", parallel(*items, **({"aggregate": "two"} if moment == "aggregating" else {})))
    reached = {"running": 3, "partly answered": 3, "aggregating": 3, "queued": 1}[moment]
    wait_until(lambda: stand_in.executions(ran) == reached, 20)
    for _ in range(kills):
        home.kill_supervisor()
        wait_until(lambda: home.status()["running"], 20)
    door.touch()
    gate.touch()
    answer = text_value(call.wait(60)["result"])
    rows = answer["individual_results"] if moment == "aggregating" else answer
    assert [row["success"] for row in rows] == [True] * 3
    if moment == "aggregating":
        assert answer["aggregated"]["result"] == "all"
    assert stand_in.executions(ran) == 3
    wait_until(lambda: is_settled(home), 20)
    assert not client.unmatched


def test_items_of_a_dead_frontend_are_ended(home, client):
    call = client.start_call("dispatch_parallel", parallel(*(item(name, stand_in.hang()) for name in AGENTS)))
    wait_until(lambda: len(home.agents_running()) == 3)
    client.end_with(signal.SIGKILL)
    wait_until(lambda: not home.agents_running() and is_settled(home), 20)
    assert not call.answered()


def test_frontend_and_supervisor_killed_together_leave_nothing(home, client):
    client.start_call("dispatch_parallel", parallel(*(item(name, stand_in.hang()) for name in AGENTS)))
    wait_until(lambda: len(home.agents_running()) == 3)
    client.end_with(signal.SIGKILL)
    home.kill_supervisor()
    home.dispatch("one", stand_in.say("the next one"))
    wait_until(lambda: not home.agents_running() and is_settled(home), 30)


# --- dialogue ---


def test_a_dialogue_ends_with_the_marker(home, client):
    said = client.value("dispatch_dialogue", {"requester": "one", "responder": "two", "topic": stand_in.say("done. [RESOLVED]")})
    assert said == {
        "resolved": True, "rounds": 1, "total_cost_usd": 0.01, "total_duration_ms": 1, "final_answer": "done.",
        "conversation": [{"agent": "two", "role": "responder", "round": 1, "message": "done. [RESOLVED]", "cost_usd": 0.01}],
    }  # fmt: skip


def test_a_dialogue_takes_turns_until_its_rounds_are_over(home, client):
    # Each turn says what it was told: the script that it was told first comes back, and is executed again.
    ran = home.root / "ran"
    script = stand_in.steps(stand_in.count(ran), {"text": "@@" + json.dumps([{"append": str(ran)}, {"text": "no end"}]) + "@@"})
    said = client.value("dispatch_dialogue", {"requester": "one", "responder": "two", "topic": script, "max_rounds": 1})
    assert [turn["agent"] for turn in said["conversation"]] == ["two", "one"]
    assert not said["resolved"] and said["rounds"] == 1 and said["final_answer"] == said["conversation"][-1]["message"]


def test_a_failed_turn_ends_a_dialogue(home, client):
    said = client.value("dispatch_dialogue", {"requester": "one", "responder": "two", "topic": stand_in.steps({"exit": 3})})
    (turn,) = said["conversation"]
    assert turn["error"] and turn["error_type"] == "cli_error" and said["final_answer"] == turn["error"] and not said["resolved"]


@pytest.mark.parametrize("rounds", [0, 99])
def test_the_rounds_of_a_dialogue_are_1_to_10(home, client, rounds):
    said = client.value(
        "dispatch_dialogue",
        {"requester": "one", "responder": "two", "topic": stand_in.say("[RESOLVED]"), "max_rounds": rounds},
    )
    assert said["resolved"] and said["final_answer"] == ""


def test_an_unknown_side_refuses_a_dialogue(home, client):
    answer = client.call("dispatch_dialogue", {"requester": "one", "responder": "nobody", "topic": "t"})
    assert answer["isError"] and "nobody" in text_value(answer)["error"]
    assert not home.request_files()


def test_a_killed_supervisor_costs_no_turn_twice(home, client):
    door, ran = home.root / "door", home.root / "ran"
    topic = stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "so be it [RESOLVED]"})
    call = client.start_call("dispatch_dialogue", {"requester": "one", "responder": "two", "topic": topic})
    for _ in range(2):
        wait_until(lambda: stand_in.executions(ran) == 1 and home.status()["running"])
        home.kill_supervisor()
    door.touch()
    said = text_value(call.wait(60)["result"])
    assert said["resolved"] and said["final_answer"] == "so be it" and stand_in.executions(ran) == 1
    wait_until(lambda: is_settled(home), 20)


def test_the_command_dialogue_prints_the_answer(home, client):
    answer = home.cli("dialogue", "one", "two", stand_in.say("so be it [RESOLVED]"))
    assert answer.code == 0 and answer.out == "so be it\n" and "two: so be it" in answer.err and "resolved" in answer.err, answer
    answer = home.cli("dialogue", "one", "two", stand_in.say("x [RESOLVED]"), "--json", "--max-rounds", "1", "--stream")
    assert answer.json()["final_answer"] == "x" and "two: x" in answer.err
    failed = home.cli("dialogue", "one", "two", stand_in.steps({"exit": 3}))
    assert failed.code == 1 and "failed" in failed.err and not failed.out, failed
    assert home.cli("dialogue", "one", "nobody", "t").code == 1
    assert home.cli("dialogue", "one", "two", "t", "--max-rounds", "11").code == 2


def test_the_command_dispatch_takes_a_group(home, client):
    assert "what all know" in home.dispatch("one", "t", "--group", "team")["result"]
    answer = home.cli("dispatch", "two", "t", "--group", "team")
    assert answer.code == 1 and "not a member" in answer.err


# --- groups ---


def test_a_member_is_told_what_the_group_shares(home, client):
    plain = client.value("dispatch", {"agent": "one", "task": "t", "context": "own", "group": ""})["result"]
    assert plain == "Context:\nown\n\nTask:\nt"
    grouped = client.value("dispatch", {"agent": "one", "task": "t", "context": "own", "group": "team"})["result"]
    assert grouped == "Context:\nFor everybody in the group 'team':\nwhat all know\n\nown\n\nTask:\nt"
    alone = client.value("dispatch", {"agent": "one", "task": "t", "group": "team"})["result"]
    assert alone == "Context:\nFor everybody in the group 'team':\nwhat all know\n\nTask:\nt"


@pytest.mark.parametrize(
    ("agent", "group", "said"),
    [
        ("two", "team", "Agent 'two' is not a member of group 'team'. Members: one, gone"),
        ("two", "empty", "Members: none"),
        ("one", "nothing", "Unknown group: 'nothing'. Available: team, empty"),
    ],
)
def test_only_members_are_dispatched_to_within_a_group(home, client, agent, group, said):
    answer = client.call("dispatch", {"agent": agent, "task": "t", "group": group})
    assert answer["isError"] and said in text_value(answer)["error"]


def test_a_kept_result_knows_its_group(home, client):
    ref = client.value("dispatch", {"agent": "one", "task": "t", "context": "own", "group": "team", "return_ref": True})["ref"]
    record = home.record(ref)
    assert record["request"]["group"] == "team" and record["context"] == "own"
    retry = home.cli("retry", ref, "--json")
    assert retry.code == 0 and "what all know" in home.ended_job(retry.json()["job_id"])["result"]["result"]
