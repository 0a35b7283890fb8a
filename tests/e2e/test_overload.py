"""An API that has too much to do, and why jobs wait."""

import json

import pytest

import stand_in
from processes import wait_until

RETRY = {
    "type": "system",
    "subtype": "api_retry",
    "attempt": 1,
    "max_retries": 10,
    "retry_delay_ms": 30_000,
    "error_status": 529,
    "error": "overloaded",
}


@pytest.fixture
def overloaded(home):
    """An agent of its own has heard from the API that it is overloaded: nothing starts for half a minute."""
    home.write_config({"notes": {}, "troubled": {}, "other": {}}, settings={"max_concurrency": 5})
    home.trouble = home.job("troubled", stand_in.steps({"event": RETRY}, {"hang": True}))
    wait_until(lambda: "overload" in home.status(), what="the supervisor has noticed")
    return home


def why(home, job, *words):
    answer = home.cli("status", "--why", job, *words)
    assert answer.code == 0, answer
    return answer


def test_an_overloaded_api_slows_the_starts_of_all_agents(overloaded):
    overload = overloaded.status()["overload"]
    assert overload["api_status"] == 529 and overload["start_interval_seconds"] >= 1
    assert 0 < overload["next_start_seconds"] <= 30
    shown = overloaded.cli("status").out
    assert "Overload   the API is overloaded (it answers 529): runs start" in shown
    job = overloaded.job("other", stand_in.say("x"))
    assert overloaded.record(job)["status"] == "pending"
    told = json.loads(why(overloaded, job, "--json").out)
    assert told["waiting"] is True and told["position"] == 1 and told["waiting_for"] == []
    assert told["reason"].startswith("the API is overloaded (it answers 529): runs start ")
    assert "the API is overloaded" in why(overloaded, job[:8]).out


def test_a_refusal_at_the_end_of_a_run_counts_as_well(home):
    home.write_config({"notes": {}})
    assert home.dispatch("notes", stand_in.steps({"api_error": 529}))["success"] is False
    assert home.status()["overload"]["api_status"] == 529
    # It ends by itself: the next start is a second off, and its success is the end of it.
    assert home.dispatch("notes", stand_in.say("again"))["result"] == "again"
    wait_until(lambda: "overload" not in home.status(), what="runs start at once")


def test_a_login_that_is_refused_slows_nobody_down(home):
    home.write_config({"notes": {}})
    assert home.dispatch("notes", stand_in.steps({"api_error": 401}))["success"] is False
    assert "overload" not in home.status()


def test_who_waits_is_told_who_is_in_the_way(home):
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    first = home.job("notes", stand_in.hang())
    home.wait_for_status(first, "running")
    second = home.job("notes", stand_in.say("x"))
    third = home.job("other", stand_in.say("x"))
    told = json.loads(why(home, second, "--json").out)
    assert told == {
        "job_id": second,
        "agent": "notes",
        "status": "pending",
        "waiting": True,
        "position": 1,
        "reason": "agent 'notes' is busy (1 of 1)",
        "waiting_for": [{"agent": "notes", "job_id": first}],
    }
    assert json.loads(why(home, third, "--json").out)["reason"] == "the only slot is in use"
    assert why(home, third).out.splitlines() == [
        f"Job {third} of agent 'other' waits, position 1 in its agent's queue:",
        "  the only slot is in use",
        f"  - job {first} of notes",
    ]
    assert why(home, first).out == f"Job {first} of agent 'notes' is running; it waits for nothing.\n"
    assert json.loads(why(home, first, "--json").out)["waiting"] is False


def test_a_dispatch_in_the_way_is_named_by_its_agent(home):
    home.write_config({"notes": {}})
    waiting = home.start("dispatch", "notes", stand_in.hang())
    wait_until(lambda: home.agents_running(), what="the dispatch runs")
    job = home.job("notes", stand_in.say("x"))
    assert "  - a dispatch to notes" in why(home, job).out
    assert home.cli("stop", "--now").code == 0
    home.finish(waiting)


def test_a_job_that_is_not_there_waits_for_nothing(home):
    home.write_config({"notes": {}})
    missing = home.cli("status", "--why", "0" * 32)
    assert missing.code == 1 and "No supervisor is running" in missing.err
    home.job("notes", stand_in.say("x"))
    missing = home.cli("status", "--why", "0" * 32)
    assert missing.code == 1 and "0" * 32 in missing.err
