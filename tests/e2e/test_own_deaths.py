"""Actors of the supervisor that die: whoever waits gets an answer, no run is started twice, nothing is left."""

import json
import os

import pytest

import stand_in
from deaths import check_nothing_is_left, counted, executions, served
from processes import wait_until

#: Without these a supervisor cannot go on: the next one does what they were at.
ENDS_THE_PROCESS = ["requests", "agent", "admission", "launcher"]
#: A run gets another actor, and a frontend another session, which it has by connecting anew.
GOES_ON_WITHOUT = ["run", "session"]



@pytest.fixture
def armed(home):
    """A home with a live supervisor, and a function that makes one of its actors die of an exception."""
    return served(home, "crash-at")


def said(client, tool, arguments):
    """All that the client is answered, be it an error of the protocol."""
    return json.dumps(client.start_call(tool, arguments).wait())


def is_served(client, tool):
    return '"error"' not in said(client, tool, {})


def check_all_is_done(home, client):
    home.order.unlink(missing_ok=True)
    check_nothing_is_left(home, client)


@pytest.mark.parametrize("actor", ENDS_THE_PROCESS)
def test_the_next_supervisor_answers_for_one_that_lost_an_actor(armed, actor):
    home, client, arm = armed
    before = home.supervisors()
    arm(actor)
    answer = client.value("dispatch", {"agent": "notes", "task": counted(home)})
    assert answer["result"] == "the answer", answer
    assert not home.order.exists() and home.supervisors() != before
    assert f"a test wants {actor} to die" in home.logs()
    check_all_is_done(home, client)
    assert executions(home) == 1


def test_a_job_is_done_though_the_registry_died_over_it(armed):
    home, client, arm = armed
    arm("jobs")
    job = client.value("dispatch_async", {"agent": "notes", "task": counted(home)})["job_id"]
    assert client.value("dispatch_wait", {"job_id": job})["result"]["result"] == "the answer"
    assert not home.order.exists()
    check_all_is_done(home, client)
    assert executions(home) == 1
    assert [row["id"] for row in client.value("dispatch_jobs", {})] == [job]


def test_a_job_over_which_its_writer_died_is_refused_or_done(armed):
    home, client, arm = armed
    before = home.supervisors()
    arm("job writer")
    value = client.value("dispatch_async", {"agent": "notes", "task": counted(home)})
    if "job_id" in value:  # the next supervisor has accepted it
        assert client.value("dispatch_wait", {"job_id": value["job_id"]})["result"]["result"] == "the answer"
    else:
        assert "error" in value, value
    check_all_is_done(home, client)
    assert home.supervisors() != before
    assert executions(home) == (1 if "job_id" in value else 0)


@pytest.mark.parametrize("actor", GOES_ON_WITHOUT)
def test_a_call_goes_on_when_what_serves_it_alone_dies(armed, actor):
    home, client, arm = armed
    before = home.supervisors()
    arm(actor)
    answer = client.value("dispatch", {"agent": "notes", "task": counted(home)})
    assert answer["result"] == "the answer", answer
    assert not home.order.exists() and home.supervisors() == before
    check_all_is_done(home, client)
    assert executions(home) == 1



def test_a_run_whose_actor_dies_each_time_is_ended_and_answered(armed):
    home, client, arm = armed
    arm("run always")
    answer = said(client, "dispatch", {"agent": "notes", "task": counted(home, {"hang": True})})
    assert "lost track" in answer, answer
    wait_until(lambda: not home.agents_running() and not home.keepers(), 15, "nothing of the run lives")
    check_all_is_done(home, client)
    assert executions(home) <= 1, "none when each keeper was stopped before its start"


@pytest.mark.parametrize("aggregate", ["", "other"])
def test_a_parallel_request_goes_on_when_its_driver_dies(armed, aggregate):
    home, client, arm = armed
    arm("composite")
    items = json.dumps([{"agent": "notes", "task": counted(home)}, {"agent": "other", "task": counted(home)}])
    arguments = {"dispatches": items} | ({"aggregate": aggregate} if aggregate else {})
    value = client.value("dispatch_parallel", arguments)
    results = value["individual_results"] if aggregate else value
    assert [each["result"] for each in results] == ["the answer"] * 2, value
    assert not home.order.exists()
    check_all_is_done(home, client)
    assert executions(home) == 2


def test_a_parallel_request_whose_driver_dies_each_time_is_answered(armed):
    home, client, arm = armed
    arm("composite always")
    items = json.dumps([{"agent": "notes", "task": counted(home)}, {"agent": "other", "task": counted(home)}])
    answer = said(client, "dispatch_parallel", {"dispatches": items})
    assert "given up" in answer, answer
    check_all_is_done(home, client)
    assert executions(home) == 2





def test_a_call_over_which_the_view_of_the_agents_dies_is_answered_and_the_next_one_served(armed):
    home, client, arm = armed
    before = home.supervisors()
    arm("viewer")
    assert "directories" in said(client, "inspect_agent", {"name": "notes"})
    wait_until(lambda: is_served(client, "list_agents"), 10)
    assert home.supervisors() == before
    check_all_is_done(home, client)


def test_a_call_over_which_the_configuration_dies_is_answered_and_the_next_one_served(armed):
    home, client, arm = armed
    before = home.supervisors()
    arm("config")
    os.utime(home.config)  # it is asked only when there is something to read
    assert "configuration" in said(client, "dispatch", {"agent": "notes", "task": stand_in.say("x")})
    # It rests a moment; what comes then is served.
    wait_until(lambda: is_served(client, "list_agents"), 10)
    assert home.supervisors() == before
    check_all_is_done(home, client)


def test_an_edit_over_which_the_editor_dies_is_answered_and_the_next_one_made(armed):
    home, client, arm = armed
    before = home.supervisors()
    arm("config editor")
    new = {"name": "third", "directory": str(home.agent_directory("third")), "description": "x"}
    assert "list_agents" in said(client, "add_agent", new)
    wait_until(lambda: "added" in said(client, "add_agent", new), 10, "the next edit is made")
    assert home.supervisors() == before


def test_a_list_over_which_the_reader_of_jobs_dies_is_answered_and_the_next_one_served(armed):
    home, client, arm = armed
    before = home.supervisors()
    arm("job reader")
    assert "did not answer" in said(client, "dispatch_jobs", {})
    wait_until(lambda: is_served(client, "dispatch_jobs"), 10)
    assert home.supervisors() == before


def test_a_request_that_kills_each_supervisor_is_given_up(armed):
    home, client, arm = armed
    arm("admission always")
    answer = said(client, "dispatch", {"agent": "notes", "task": counted(home)})
    assert "three times" in answer, answer
    check_all_is_done(home, client)
    assert executions(home) == 0
