"""stop --keep-runs: the next supervisor goes on with everything, as after an upgrade."""

import contextlib
import json
import os
import signal
import socket

import pytest

import stand_in
from mcp_client import text_value
from processes import alive, kill, wait_until


@pytest.fixture
def door(home):
    """Runs wait for this file."""
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    return home.root / "door"


def leave(home):
    pid = home.status()["pid"]
    answer = home.cli("stop", "--keep-runs")
    assert answer.code == 0, answer
    wait_until(lambda: not alive(pid), 20, "the supervisor has left")  # a frontend may have the next one already


def queued_job(home, record, **variables):
    """A job that waits for its turn, whose caller is gone; in its turn it writes down how it was started."""
    task = stand_in.steps({"record": str(record)}, {"text": "queued"})
    ident = home.job("other", task, env=home.env(**variables))
    wait_until(lambda: home.status()["queued"] >= 1)
    return ident


def environment_in(record):
    return dict(entry.split("=", 1) for entry in json.loads(record.read_text())["environment"])


def nothing_is_left(home):
    wait_until(lambda: not home.holders() and not home.keepers(), 20, "holders and keepers are gone")
    assert not list(home.state.glob("agent-dispatch/*/handover"))


def files_with(home, text):
    places = [home.state, home.runtime, home.jobs]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_text(errors="replace")]


def test_running_and_queued_work_goes_on_with_the_next(home, door):
    ran = home.root / "ran"
    running = home.job("notes", stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "running"}))
    home.wait_for_status(running, "running")
    client = home.serve()
    call = client.start_call("dispatch", {"agent": "notes", "task": stand_in.steps(stand_in.count(ran), {"text": "call"})})
    queued = queued_job(home, home.root / "record", SECRET_OF_THE_CALLER="hush")
    leave(home)
    door.touch()
    assert text_value(call.wait(60)["result"])["result"] == "call"
    assert home.ended_job(running)["result"]["result"] == "running"
    assert home.ended_job(queued)["result"]["result"] == "queued"
    assert stand_in.executions(ran) == 2
    assert environment_in(home.root / "record")["SECRET_OF_THE_CALLER"] == "hush"
    nothing_is_left(home)


def test_an_environment_is_held_in_memory_until_a_supervisor_comes(home, door):
    running = home.job("notes", stand_in.wait_for(door, "running"))
    queued = queued_job(home, home.root / "record", SECRET_OF_THE_CALLER="hush")
    leave(home)
    (holder,) = home.holders()
    assert not files_with(home, "SECRET_OF_THE_CALLER"), "an environment is in no file"
    # Once more, by a supervisor that only takes over and leaves again.
    waiting = home.start("wait", queued)
    wait_until(lambda: home.supervisors() and not alive(holder), 20, "it was taken")
    wait_until(lambda: home.status()["running"])
    waiting.send_signal(signal.SIGINT)
    home.finish(waiting)
    leave(home)
    assert home.holders() and not files_with(home, "SECRET_OF_THE_CALLER")
    door.touch()
    waiting = home.start("wait", queued)
    assert home.finish(waiting).code == 0
    assert home.ended_job(running)["status"] == "done"
    assert environment_in(home.root / "record")["SECRET_OF_THE_CALLER"] == "hush"
    nothing_is_left(home)


def test_without_queued_jobs_nothing_is_held(home, door):
    running = home.job("notes", stand_in.wait_for(door, "running"))
    home.wait_for_status(running, "running")
    leave(home)
    assert not home.holders()
    door.touch()
    assert home.finish(home.start("wait", running)).code == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_holder_that_died_costs_the_job_and_nothing_else(home, door, number):
    running = home.job("notes", stand_in.wait_for(door, "running"))
    queued = queued_job(home, home.root / "record")
    leave(home)
    (holder,) = home.holders()
    kill(holder, number)
    door.touch()
    assert home.finish(home.start("wait", running), 60).code == 0
    record = home.ended_job(queued)
    assert record["status"] == "failed" and not (home.root / "record").exists()
    retry = home.cli("retry", queued, "--json")
    assert retry.code == 0, retry
    assert home.ended_job(retry.json()["job_id"])["result"]["result"] == "queued"
    if number == signal.SIGSTOP:
        kill(holder)


def test_a_holder_ends_when_nothing_waits_any_more(home, door):
    running = home.job("notes", stand_in.wait_for(door, "running"))
    queued_job(home, home.root / "record")
    leave(home)
    (holder,) = home.holders()
    knock(home)
    assert alive(holder), "who only knocks gets nothing"
    requests = {path: path.read_bytes() for path in home.request_files()}
    for path in requests:
        path.unlink()
    # It may still be looking around because of the first visit, and end before the second.
    with contextlib.suppress(ConnectionError, ValueError):
        knock(home)
    wait_until(lambda: not alive(holder), 20, "the holder has ended")
    for path, content in requests.items():
        path.write_bytes(content)
    door.touch()
    assert home.finish(home.start("wait", running)).code == 0


def knock(home):
    """Connects and goes; the holder looks around then, which it does every minute otherwise."""
    (place,) = home.state.glob("agent-dispatch/*/handover")
    directory = os.open(place.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.connect(f"/proc/self/fd/{directory}/{place.name}")
        assert knocking.recv(5) == b'{"dep'
    os.close(directory)
