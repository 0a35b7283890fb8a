"""A supervisor that dies at every named point of its protocol, one by one: each caller gets its answer once, no prompt
runs twice, nothing is left. The points are those in the sources, so that none is forgotten here."""

import json
import re

import pytest

import stand_in
from deaths import check_nothing_is_left, counted, executions, served
from harness import ROOT
from processes import kill, wait_until


def points():
    text = "\n".join(path.read_text() for path in sorted((ROOT / "actors").glob("*.cpp")))
    calls = re.findall(r"\bdeath_point\(([^;]*?)\);", text)
    return sorted({name for call in calls for name in re.findall(r'"([^"]+)"', call)})


OF_JOBS = [point for point in points() if re.search(r"\bjob\b", point)]
OF_CANCELS = [point for point in points() if "cancel" in point]
OF_RECOVERY = ["while the requests are taken over", "after the start is claimed"]
OF_RUNS = [point for point in points() if point not in OF_JOBS + OF_CANCELS + OF_RECOVERY]


def test_there_are_points():
    assert len(OF_RUNS) >= 8 and len(OF_JOBS) >= 5 and len(OF_CANCELS) >= 2


@pytest.fixture
def armed(home):
    """A home with a live supervisor, and a function that makes it die at a point."""
    return served(home, "die-at")


def check_all_is_done(home, client):
    assert not home.order.exists(), "the point was not reached"
    check_nothing_is_left(home, client)


@pytest.mark.parametrize("point", OF_RUNS)
def test_a_dispatch_over_mcp(armed, point):
    home, client, arm = armed
    arm(point)
    answer = client.value("dispatch", {"agent": "notes", "task": counted(home)})
    assert answer["result"] == "the answer", answer
    wait_until(lambda: not home.order.exists(), 10, "the point is reached")
    check_all_is_done(home, client)
    assert executions(home) == 1


@pytest.mark.parametrize("point", OF_RUNS)
def test_a_dispatch_by_command(armed, point):
    home, client, arm = armed
    arm(point)
    answer = home.dispatch("notes", counted(home))
    assert answer["result"] == "the answer", answer
    wait_until(lambda: not home.order.exists(), 10, "the point is reached")
    check_all_is_done(home, client)
    assert executions(home) == 1


@pytest.mark.parametrize("point", [point for point in OF_RUNS + OF_JOBS if point != "before the answer is sent"])
def test_a_job(armed, point):
    home, client, arm = armed
    arm(point)
    job = client.value("dispatch_async", {"agent": "notes", "task": counted(home)})["job_id"]
    record = client.value("dispatch_wait", {"job_id": job})
    assert record["status"] == "done" and record["result"]["result"] == "the answer", record
    wait_until(lambda: not home.order.exists(), 10, "the point is reached")
    check_all_is_done(home, client)
    assert executions(home) == 1
    assert [row["id"] for row in client.value("dispatch_jobs", {})] == [job]
    assert client.value("dispatch_status", {"job_id": job}) == record


def test_a_job_whose_caller_is_gone_before_its_keeper_was_started(armed):
    home, client, arm = armed
    arm("before the keeper is started")
    seen = home.root / "seen"
    job = home.job("notes", stand_in.steps({"record": str(seen)}, {"text": "x"}))
    wait_until(lambda: not home.order.exists(), 10, "the point is reached")
    check_nothing_is_left(home, client)
    record = home.record(job)
    assert record["status"] == "failed" and "retry" in record["error"] and "started_at" not in record, record
    assert not seen.exists()
    again = home.cli("retry", job).out.strip()
    assert home.cli("wait", again).code == 0, home.record(again)
    assert "--resume" not in json.loads(seen.read_text())["argv"]


@pytest.mark.parametrize("point", ["before the request is written", "after the request is written", "before the job is told"])
def test_a_job_by_command(armed, point):
    home, client, arm = armed
    arm(point)
    job = home.job("notes", counted(home))
    assert home.cli("wait", job).code == 0
    check_all_is_done(home, client)
    assert executions(home) == 1
    assert [row["id"] for row in client.value("dispatch_jobs", {})] == [job]


@pytest.mark.parametrize("point", ["after the request is written", "before the job is told"])
def test_a_retry_by_command(armed, point):
    home, client, arm = armed
    first = home.job("notes", stand_in.steps({"append": str(home.root / "executions")}, {"exit": 3}))
    assert home.cli("wait", first).code == 1
    wait_until(lambda: not list(home.requests.iterdir()), 15, "it is done with")
    arm(point)
    answer = home.cli("retry", first, "--json")
    assert answer.code == 0, answer
    assert home.cli("wait", answer.json()["job_id"]).code == 1
    check_all_is_done(home, client)
    assert executions(home) == 2 and len(client.value("dispatch_jobs", {})) == 2


@pytest.mark.parametrize("point", OF_CANCELS)
@pytest.mark.parametrize("running", [True, False])
def test_a_cancel(armed, point, running):
    home, client, arm = armed
    if not running:
        client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(home.root / "door", "first")})
        wait_until(home.agents_running)
    job = client.value("dispatch_async", {"agent": "notes", "task": counted(home, {"hang": True})})["job_id"]
    if running:
        wait_until(lambda: executions(home) == 1)
    arm(point)
    outcome = client.value("dispatch_cancel", {"job_id": job})
    assert outcome["status"] == "cancelled", outcome
    (home.root / "door").touch()
    wait_until(lambda: not home.order.exists(), 10, "the point is reached")
    check_all_is_done(home, client)
    assert executions(home) == (1 if running else 0)
    assert client.value("dispatch_status", {"job_id": job})["status"] == "cancelled"


def test_a_supervisor_that_dies_while_it_takes_over(armed):
    home, client, arm = armed
    door = home.root / "door"
    waiting = client.start_call("dispatch", {"agent": "notes", "task": counted(home, {"wait_for": str(door)})})
    wait_until(lambda: executions(home) == 1)
    arm("while the requests are taken over")
    kill(home.supervisors()[0])
    wait_until(lambda: not home.order.exists(), 15, "the point is reached")
    door.touch()
    response = waiting.wait()
    assert "result" in response, response
    answer = json.loads(response["result"]["content"][0]["text"])
    assert answer["result"] == "the answer", answer
    check_all_is_done(home, client)
    assert executions(home) == 1
