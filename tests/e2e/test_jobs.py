"""Jobs, through a real supervisor: the tools, the commands, the records, and who may do what to whose."""

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
import uuid

import pytest

import stand_in
from mcp_client import text_value
from processes import PATIENCE, alive, command_line, descendants, kill, wait_until

JOB_ID = re.compile(r"[0-9a-f]{32}\Z")
UNKNOWN = "0123456789abcdef" * 2
TERMINAL = ("done", "failed", "cancelled")

# What the interface names, and no more.
RECORD_ALWAYS = {"id", "agent", "task", "status", "created_at", "owner", "request"}
RECORD_MEMBERS = RECORD_ALWAYS | {
    "context", "caller", "goal", "started_at", "completed_at", "result", "error", "progress", "progress_updated_at",
    "session_id", "retry_of",
}  # fmt: skip
RESULT_ALWAYS = {"agent", "success", "result"}
RESULT_MEMBERS = RESULT_ALWAYS | {
    "session_id", "cost_usd", "duration_ms", "num_turns", "error", "error_type", "parsed_result", "denied_tools",
    "hint", "budget_exceeded",
}  # fmt: skip
ROW_ALWAYS = {"id", "agent", "status", "task", "created_at"}
ROW_MEMBERS = ROW_ALWAYS | {"started_at", "completed_at", "success", "cost_usd", "last_progress", "error_type"}


@pytest.fixture
def client(home):
    home.write_config({"notes": {}, "other": {}})
    return home.serve()


def accept(client, task, agent="notes", **more):
    """dispatch_async: the id."""
    answer = client.value("dispatch_async", {"agent": agent, "task": task} | more)
    assert answer.keys() == {"job_id", "status", "agent"}, answer
    return answer["job_id"]


def wait_for_job(client, ident, seconds=30):
    return client.value("dispatch_wait", {"job_id": ident, "timeout_seconds": seconds}, seconds=seconds + 5)


def refusal(client, tool, arguments):
    """The sentence of a tool-level failure."""
    result = client.call(tool, arguments)
    value = text_value(result)
    assert value.keys() <= {"error", "hint"} and value["error"] and result["isError"] is True, result
    return value["error"]


def check_record(record):
    assert RECORD_ALWAYS <= record.keys() <= RECORD_MEMBERS, record.keys()
    assert record["status"] in ("pending", "running", *TERMINAL) and JOB_ID.match(record["id"])
    if "result" in record:
        assert RESULT_ALWAYS <= record["result"].keys() <= RESULT_MEMBERS, record["result"]
    moments = [record[name] for name in ("created_at", "started_at", "completed_at") if name in record]
    assert moments == sorted(moments) and abs(time.time() - moments[0]) < 600 * PATIENCE
    assert (record["status"] in TERMINAL) == ("completed_at" in record), record
    assert all(len(line) <= 300 for line in record.get("progress", [])) and len(record.get("progress", [])) <= 20
    return record


def is_settled(home):
    """Nothing of any run or request is left."""
    status = home.status()
    return (
        status["live_runs"] == 0 and status["queued"] == 0 and status["slots"]["used"] == 0
        and not home.run_directories() and not home.request_files()
    )  # fmt: skip


# --- dispatch_async and the record ---


def test_a_job_is_accepted_at_once_and_is_on_disk_by_then(home, client):
    door = home.root / "door"
    answer = client.value(
        "dispatch_async",
        {
            "agent": "notes", "task": stand_in.wait_for(door, "done"), "context": "facts", "caller": "shop",
            "goal": "ship it", "response_format": "json", "timeout_seconds": 77,
        },
    )  # fmt: skip
    path = home.record_file(answer["job_id"])
    record = check_record(json.loads(path.read_bytes()))
    assert answer == {"job_id": answer["job_id"], "status": "pending", "agent": "notes"} and JOB_ID.match(answer["job_id"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(home.jobs.stat().st_mode) == 0o700
    assert record["status"] in ("pending", "running") and record["agent"] == "notes"
    assert (record["context"], record["caller"], record["goal"]) == ("facts", "shop", "ship it")
    assert record["task"] == stand_in.wait_for(door, "done") and record["request"]["response_format"] == "json"
    door.touch()
    assert check_record(wait_for_job(client, answer["job_id"]))["status"] == "done"


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"agent": "nobody", "task": "x"}, "nobody"),
        ({"agent": "notes"}, "task"),
        ({"agent": "notes", "task": "x", "session_id": "y"}, "session_id"),
        ({"agent": "notes", "task": "x", "timeout_seconds": "soon"}, "timeout_seconds"),
        ({"agent": "notes", "task": "x", "response_format": "xml"}, "response_format"),
    ],
)
def test_a_job_that_is_refused_leaves_no_record(home, client, arguments, named):
    assert named in refusal(client, "dispatch_async", arguments)
    assert list(home.jobs.glob("*.json")) == [] and is_settled(home)


def test_a_status_is_the_record_at_each_stage(home, client):
    door = home.root / "door"
    running = accept(client, stand_in.steps({"text": "at work"}, {"wait_for": str(door)}, {"text": "done"}))
    pending = accept(client, stand_in.say("x"))
    home.wait_for_status(running, "running")
    wait_until(lambda: "progress" in home.record(running))
    first = check_record(client.value("dispatch_status", {"job_id": running}))
    second = check_record(client.value("dispatch_status", {"job_id": pending}))
    assert first == home.record(running) and second == home.record(pending)
    assert first["status"] == "running" and first["progress"] == ["at work"] and "result" not in first
    assert second["status"] == "pending" and not {"started_at", "result", "error", "progress"} & second.keys()
    door.touch()
    for ident in (running, pending):
        waited = wait_for_job(client, ident)
        assert check_record(client.value("dispatch_status", {"job_id": ident})) == waited == home.record(ident)
        assert waited["status"] == "done" and waited["session_id"] == waited["result"]["session_id"]
    assert "error" not in waited and waited["result"]["result"] == "x" and waited["result"]["cost_usd"] == 0.01


def test_a_failed_job_has_its_error_and_its_result(home, client):
    ident = accept(client, stand_in.steps({"api_error": 529}))
    record = check_record(wait_for_job(client, ident))
    assert record["status"] == "failed" and "529" in record["error"] and record == home.record(ident)
    assert record["result"]["success"] is False and record["result"]["error_type"] == "cli_error"


@pytest.mark.parametrize("what", ["directory", "cli", "depth", "timeout"])
def test_a_job_whose_run_cannot_go_well_is_failed(home, what):
    home.write_config({"notes": {"timeout": 1}, "gone": {"directory": str(home.root / "gone")}})
    client = home.serve(env=home.env(PATH="/usr/bin:/bin") if what == "cli" else None)
    if what == "depth":
        deep = home.serve(env=home.env(AGENT_DISPATCH_DEPTH="3"))
        value = deep.value("dispatch_async", {"agent": "notes", "task": "x"})
        # Nothing is accepted that cannot start: a record or a plain refusal, but not silence.
        if "job_id" not in value:
            assert value.get("error_type", "recursion") == "recursion" and value["error"], value
            return
        record = wait_for_job(deep, value["job_id"])
        assert record["result"]["error_type"] == "recursion"
        return
    task = stand_in.hang() if what == "timeout" else stand_in.say("x")
    record = wait_for_job(client, accept(client, task, "gone" if what == "directory" else "notes"))
    assert check_record(record)["status"] == "failed" and record["error"]
    assert record["result"]["error_type"] == ("timeout" if what == "timeout" else "not_found")


def test_the_callers_environment_is_in_no_record(home):
    home.write_config({"notes": {}})
    client = home.serve(env=home.env(SECRET_TOKEN="hush-hush"))
    out = home.root / "seen"
    wait_for_job(client, accept(client, stand_in.steps({"record": str(out)}, {"text": "x"})))
    assert "hush-hush" in out.read_text(), "the run has it"
    places = [*home.jobs.rglob("*"), *home.state.rglob("*")]
    assert not [p for p in places if p.is_file() and b"hush-hush" in p.read_bytes()]


def test_a_json_answer_of_a_job_is_parsed(client):
    ident = accept(client, stand_in.say('```json\n{"a": [1, "ü"]}\n```'), response_format="json")
    assert wait_for_job(client, ident)["result"]["parsed_result"] == {"a": [1, "ü"]}
    assert client.value("fetch_result", {"ref": ident})["parsed_result"] == {"a": [1, "ü"]}


def test_text_that_is_no_utf8_does_not_break_a_record(home, client):
    ident = accept(client, stand_in.steps({"invalid_utf8": True}))
    record = wait_for_job(client, ident)
    assert record["status"] == "done" and "\ufffd" in record["result"]["result"] and record == home.record(ident)


# --- progress ---


def test_progress_lines_are_the_last_twenty_and_are_short(home, client):
    texts = [{"text": f"line {number}"} for number in range(30)]
    door = home.root / "door"
    task = stand_in.steps(*texts, {"tool": "Bash"}, {"text": "ü" * 400}, {"wait_for": str(door)})
    ident = accept(client, task)
    lines = wait_until(lambda: (p := home.record(ident).get("progress", [])) and len(p[-1]) == 300 and p)
    assert lines == [f"line {number}" for number in range(12, 30)] + ["Using tool: Bash", "ü" * 300]
    assert client.value("dispatch_jobs")[0]["last_progress"] == "ü" * 300
    door.touch()
    assert wait_for_job(client, ident)["progress"] == lines


def test_the_last_progress_of_a_short_job_is_in_its_record(home, client):
    ident = accept(client, stand_in.steps({"text": "first"}, {"tool": "Bash"}, {"text": "last"}))
    record = wait_for_job(client, ident)
    assert record["progress"] == ["first", "Using tool: Bash", "last"] and record == home.record(ident)


def test_a_record_is_whole_at_every_instant_and_not_written_too_often(home, client):
    steps = [step for number in range(40) for step in ({"text": f"{number} " + "ü" * 280}, {"sleep": 75})]
    ident = accept(client, stand_in.steps(*steps))
    path, written, looks, modes, strange = home.record_file(ident), set(), 0, set(), set()
    while True:
        record = json.loads(path.read_bytes())  # not half of one, and always there
        modes.add(stat.S_IMODE(path.stat().st_mode))
        strange |= {name for name in os.listdir(home.jobs) if not name.startswith(".") and name != path.name}
        looks += 1
        if "progress_updated_at" in record:
            written.add(record["progress_updated_at"])
        if record["status"] in TERMINAL:
            break
    assert record["status"] == "done" and looks > 100 and modes == {0o600} and not strange
    seconds = record["completed_at"] - record["started_at"]
    assert 2 <= len(written) <= seconds + 2, (sorted(written), seconds)


def test_who_waits_sees_progress_live(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.steps({"text": "early"}, {"tool": "Grep"}, {"wait_for": str(door)}, {"text": "end"}))
    home.wait_for_status(ident, "running")
    waiting = client.start_call("dispatch_wait", {"job_id": ident}, token="t")
    client.wait_notification(lambda m: "Using tool: Grep" in str(m["params"].get("message")))
    assert not waiting.answered()
    door.touch()
    assert text_value(waiting.wait()["result"])["status"] == "done"
    numbers = [params["progress"] for _, params in client.progress("t")]
    assert numbers == sorted(set(numbers))


# --- dispatch_wait ---


def test_a_wait_is_woken_at_once(home, client):
    """Not by looking now and then: of five ends none is noticed late."""
    delays = []
    for number in range(5):
        door = home.root / f"door{number}"
        ident = accept(client, stand_in.wait_for(door, "done"))
        home.wait_for_status(ident, "running")
        waiting = client.start_call("dispatch_wait", {"job_id": ident})
        door.touch()
        record = text_value(waiting.wait()["result"])
        delays.append(time.time() - record["completed_at"])
    assert sorted(delays)[2] < 0.15 * PATIENCE, delays


def test_a_wait_that_is_given_up_says_so_and_the_job_goes_on(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    began = time.monotonic()
    record = client.value("dispatch_wait", {"job_id": ident, "timeout_seconds": 0})
    assert time.monotonic() - began >= 1, "at least a second is waited"
    assert record.pop("timed_out_waiting") is True and check_record(record)["status"] == "running"
    door.touch()
    record = client.value("dispatch_wait", {"job_id": ident, "timeout_seconds": 10**9})
    assert record["status"] == "done" and "timed_out_waiting" not in record


def test_many_wait_for_one_job(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    others = [home.serve() for _ in range(3)]
    waiting = [c.start_call("dispatch_wait", {"job_id": ident}) for c in [client, *others] for _ in range(5)]
    commands = [home.start("wait", ident, "--json") for _ in range(2)]
    home.wait_for_status(ident, "running")
    door.touch()
    records = [text_value(each.wait()["result"]) for each in waiting] + [home.finish(c).json() for c in commands]
    assert records == [home.record(ident)] * len(records)


def test_a_cancelled_wait_leaves_the_job(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    waiting = client.start_call("dispatch_wait", {"job_id": ident})
    client.cancel(waiting)
    assert client.request("ping")["result"] == {}
    assert client.value("dispatch_status", {"job_id": ident})["status"] == "running"
    door.touch()
    assert wait_for_job(client, ident)["status"] == "done" and not waiting.answered()


# --- wrong ids ---


@pytest.mark.parametrize("tool", ["dispatch_status", "dispatch_wait", "dispatch_cancel", "fetch_result"])
def test_an_unknown_job_is_an_error(home, client, tool):
    name = "ref" if tool == "fetch_result" else "job_id"
    assert UNKNOWN in refusal(client, tool, {name: UNKNOWN})
    assert refusal(client, tool, {})
    assert refusal(client, tool, {name: 7})


@pytest.mark.parametrize("tool", ["dispatch_status", "dispatch_wait", "dispatch_cancel", "fetch_result"])
def test_an_id_that_is_none_never_reaches_the_file_system(home, client, tool):
    secret = home.config_dir / ("a" * 32 + ".json")
    secret.write_text(json.dumps({"id": "a" * 32, "agent": "notes", "task": "stolen", "status": "done", "created_at": 1}))
    name = "ref" if tool == "fetch_result" else "job_id"
    real = accept(client, stand_in.say("x"))
    wait_for_job(client, real)
    wrong = [
        "../" + "a" * 32, "../../etc/passwd", "/" + "a" * 32, real.upper() if real.upper() != real else "A" * 32,
        real[:31], real + "0", real + "\n", " " + real, real + ".json", "", "\0" * 32, "é" * 16, "*" * 32,
    ]  # fmt: skip
    for ident in wrong:
        sentence = refusal(client, tool, {name: ident})
        assert "stolen" not in sentence and len(sentence) < 1000, ident
    assert json.loads(secret.read_text())["status"] == "done"


# --- dispatch_cancel ---


def test_a_pending_job_is_cancelled_and_never_starts(home, client):
    door, ran = home.root / "door", home.root / "ran"
    first = accept(client, stand_in.wait_for(door, "done"))
    second = accept(client, stand_in.steps(stand_in.count(ran), {"text": "x"}))
    waiting = client.start_call("dispatch_wait", {"job_id": second})
    home.wait_for_status(first, "running")
    answer = client.value("dispatch_cancel", {"job_id": second})
    record = check_record(home.record(second))
    assert answer.keys() <= {"job_id", "outcome", "status", "message"}
    assert (answer["job_id"], answer["outcome"], answer["status"]) == (second, "cancelled", "cancelled")
    assert record["status"] == "cancelled" and record["error"] and "started_at" not in record
    assert text_value(waiting.wait()["result"])["status"] == "cancelled"
    door.touch()
    wait_for_job(client, first)
    wait_until(lambda: is_settled(home))
    assert stand_in.executions(ran) == 0
    fetched = client.value("fetch_result", {"ref": second})
    assert RESULT_ALWAYS <= fetched.keys() <= RESULT_MEMBERS and fetched["error_type"] == "cancelled"


def test_a_cancelled_record_gets_what_its_run_cost_once_and_changes_no_more(home, client):
    task = stand_in.steps({"cost": 0.5}, {"text": "partial"}, {"abort_delay": 700}, {"hang": True})
    ident = accept(client, task)
    wait_until(lambda: "progress" in home.record(ident))
    waiting = client.start_call("dispatch_wait", {"job_id": ident})
    answer = client.value("dispatch_cancel", {"job_id": ident})
    at_once = check_record(home.record(ident))
    assert (answer["outcome"], answer["status"], answer["job_id"]) == ("cancelled_running", "cancelled", ident)
    assert at_once["status"] == "cancelled" and at_once["error"] and "result" not in at_once
    assert at_once["session_id"] and at_once["progress"] == ["partial"]
    assert text_value(waiting.wait()["result"]) == at_once, "who waits hears it at once"
    settled = wait_until(lambda: (r := home.record(ident)).get("result") and r)
    assert settled["result"]["cost_usd"] == 0.5 and settled["result"]["error_type"] == "cancelled"
    assert {k: v for k, v in settled.items() if k != "result"} == at_once
    wait_until(lambda: is_settled(home))
    before = home.record_file(ident).read_bytes()
    again = client.value("dispatch_cancel", {"job_id": ident})
    assert (again["outcome"], again["status"]) == ("already_terminal", "cancelled")
    home.kill_supervisor()
    assert client.value("dispatch_status", {"job_id": ident}) == settled
    assert home.record_file(ident).read_bytes() == before
    rows = client.value("dispatch_jobs", {"status": "cancelled"})
    assert [row["id"] for row in rows] == [ident] and rows[0]["cost_usd"] == 0.5


def test_a_cancelled_run_that_tells_no_cost_leaves_nothing_either(home, client):
    ident = accept(client, stand_in.steps({"ignore": ["SIGINT"]}, {"text": "deaf"}, {"child": {"seconds": 60}}, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    assert client.value("dispatch_cancel", {"job_id": ident})["outcome"] == "cancelled_running"
    wait_until(lambda: is_settled(home), 15)
    assert not home.agents_running()
    wait_until(lambda: not home.keepers())
    assert check_record(home.record(ident))["status"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled(home, client):
    for task, status in ((stand_in.say("x"), "done"), (stand_in.steps({"exit": 3}), "failed")):
        ident = accept(client, task)
        wait_for_job(client, ident)
        before = home.record_file(ident).read_bytes()
        answer = client.value("dispatch_cancel", {"job_id": ident})
        assert answer.keys() <= {"job_id", "outcome", "status", "message"}
        assert (answer["outcome"], answer["status"]) == ("already_terminal", status)
        assert home.record_file(ident).read_bytes() == before


def test_cancels_from_everywhere_at_once_agree(home, client):
    ident = accept(client, stand_in.tell_then_hang("x"))
    home.wait_for_status(ident, "running")
    clients = [client, *(home.serve() for _ in range(3))]
    calls = [c.start_call("dispatch_cancel", {"job_id": ident}) for c in clients for _ in range(3)]
    command = home.start("cancel", ident, "--json")
    answers = [text_value(call.wait()["result"]) for call in calls] + [home.finish(command).json()]
    assert sorted(answer["outcome"] for answer in answers) == ["already_terminal"] * 12 + ["cancelled_running"]
    assert {answer["status"] for answer in answers} == {"cancelled"}


def test_a_call_that_is_cancelled_right_away_leaves_a_record_or_none_but_no_run(home, client):
    """The cancel crosses the acceptance: both orders are right, a run is not."""
    for _ in range(10):
        call = client.start_call("dispatch_async", {"agent": "notes", "task": stand_in.hang()})
        client.cancel(call)
    assert client.request("ping")["result"] == {}
    for path in home.jobs.glob("*.json"):
        if home.record(path.stem)["status"] not in TERMINAL:
            client.value("dispatch_cancel", {"job_id": path.stem})
    wait_until(lambda: is_settled(home), 20)


# --- dispatch_jobs ---


def test_jobs_are_listed_newest_first_with_these_members(home, client):
    door = home.root / "door"
    idents = [accept(client, stand_in.say("x") + "ü" * 200)]
    wait_for_job(client, idents[-1])
    idents.append(accept(client, stand_in.steps({"exit": 3})))
    wait_for_job(client, idents[-1])
    idents.append(accept(client, stand_in.steps({"text": "busy"}, {"wait_for": str(door)})))
    wait_until(lambda: "progress" in home.record(idents[-1]))
    idents.append(accept(client, "never"))
    client.value("dispatch_cancel", {"job_id": idents[-1]})
    idents.append(accept(client, "later"))
    rows = client.value("dispatch_jobs")
    assert [row["id"] for row in rows] == idents[::-1]
    later, never, busy, failed, done = rows
    for row in rows:
        record = home.record(row["id"])
        assert ROW_ALWAYS <= row.keys() <= ROW_MEMBERS
        assert row["task"] == record["task"][:120]
        for name in ("agent", "status", "created_at", "started_at", "completed_at"):
            assert row.get(name) == record.get(name)
    assert [row["status"] for row in rows] == ["pending", "cancelled", "running", "failed", "done"]
    assert later.keys() == ROW_ALWAYS and busy.keys() == ROW_ALWAYS | {"started_at", "last_progress"}
    assert busy["last_progress"] == "busy" and len(done["task"]) == 120 and done["success"] is True
    assert done["cost_usd"] == 0.01 and "error_type" not in done
    assert failed["success"] is False and failed["error_type"] == "cli_error"
    assert never.keys() <= ROW_ALWAYS | {"completed_at", "success", "error_type"}
    for word in ("PENDING", "Cancelled", "running", "failed", "dOne"):
        assert [row["status"] for row in client.value("dispatch_jobs", {"status": word})] == [word.lower()]
    assert home.cli("jobs", "--json").json() == rows
    assert home.cli("jobs", "--json", "--status", "Running").json() == [busy]
    door.touch()
    wait_for_job(client, idents[-1])


def test_limits_and_words_of_the_list(home, client):
    for number in range(3):
        wait_for_job(client, accept(client, f"task {number}"))
    rows = client.value("dispatch_jobs")
    assert client.value("dispatch_jobs", {"limit": 2}) == rows[:2]
    assert client.value("dispatch_jobs", {"limit": "2"}) == rows[:2], "numeric strings are numbers"
    assert client.value("dispatch_jobs", {"limit": 1000, "status": ""}) == rows
    # Bounded, not refused: as the other numbers are.
    assert client.value("dispatch_jobs", {"limit": 0}) == rows[:1] == client.value("dispatch_jobs", {"limit": -5})
    assert client.value("dispatch_jobs", {"limit": 10**15}) == rows
    assert "resting" in refusal(client, "dispatch_jobs", {"status": "resting"})
    for wrong in ({"limit": "many"}, {"limit": 1.5}, {"limit": []}, {"status": 7}, {"order": "x"}):
        assert refusal(client, "dispatch_jobs", wrong)
    for words in (["--limit", "0"], ["--limit", "1001"], ["--status", "resting"]):
        assert home.cli("jobs", *words).code == 2


# --- fetch_result, return_ref ---


def test_a_result_is_fetched_whole_or_cut_by_characters(home, client):
    text = "äöü€𝄞" * 40
    ident = accept(client, stand_in.say(text))
    wait_for_job(client, ident)
    whole = client.value("fetch_result", {"ref": ident})
    assert whole == home.record(ident)["result"] and whole["result"] == text
    for most in (0, -1, 200, 10**12):
        assert client.value("fetch_result", {"ref": ident, "max_chars": most}) == whole
    cut = client.value("fetch_result", {"ref": ident, "max_chars": 199})
    assert cut == whole | {"result": text[:199], "truncated": True, "full_size": 200}


def test_fetching_what_is_unfinished_gives_the_record(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    assert check_record(client.value("fetch_result", {"ref": ident})) == home.record(ident)
    door.touch()
    wait_for_job(client, ident)


def test_a_failed_result_is_fetched(client):
    ident = accept(client, stand_in.steps({"stderr": "boom"}, {"exit": 3}))
    wait_for_job(client, ident)
    result = client.call("fetch_result", {"ref": ident})
    value = text_value(result)
    assert value["success"] is False and "boom" in value["error"] and not result.get("isError")


def test_a_dispatch_answers_with_a_ref(home, client):
    text = "äöü€𝄞" * 200
    call = {"agent": "notes", "task": stand_in.steps({"deny": "Bash"}, {"text": text}), "return_ref": True}
    ref = client.value("dispatch", call)
    assert list(ref)[:6] == ["ref", "agent", "success", "size", "summary_chars", "summary"] and JOB_ID.match(ref["ref"])
    assert (ref["size"], ref["summary_chars"], ref["summary"]) == (1000, 500, text[:500])
    assert (ref["agent"], ref["success"], ref["denied_tools"]) == ("notes", True, ["Bash"]) and ref["hint"]
    assert ref.keys() == {
        "ref", "agent", "success", "size", "summary_chars", "summary", "session_id", "cost_usd", "duration_ms",
        "num_turns", "denied_tools", "hint",
    }  # fmt: skip
    record = check_record(home.record(ref["ref"]))
    assert record["status"] == "done" and stat.S_IMODE(home.record_file(ref["ref"]).stat().st_mode) == 0o600
    fetched = client.value("fetch_result", {"ref": ref["ref"]})
    assert fetched == record["result"] and fetched["result"] == text


@pytest.mark.parametrize("asked, shown", [(0, 0), (-3, 0), (3, 3), ("4", 4), (10**9, 100_000)])
def test_the_summary_of_a_ref_is_as_long_as_asked(client, asked, shown):
    task = stand_in.steps({"huge_result": 150_000})
    ref = client.value("dispatch", {"agent": "notes", "task": task, "return_ref": True, "summary_chars": asked})
    assert (ref["size"], ref["summary_chars"], len(ref["summary"])) == (150_000, shown, shown)


def test_a_ref_to_a_failure_names_the_failure(home, client):
    ref = client.value("dispatch", {"agent": "notes", "task": stand_in.steps({"exit": 3}), "return_ref": True})
    assert ref["success"] is False and ref["error"] and ref["error_type"] == "cli_error" and ref["summary"] == ""
    assert home.record(ref["ref"])["status"] == "failed"
    assert client.value("fetch_result", {"ref": ref["ref"]})["error"] == ref["error"]


# --- dispatch_gc ---


def aged(home, ident, days):
    """Makes a finished record older."""
    record = home.record(ident)
    for name in ("created_at", "started_at", "completed_at"):
        if name in record:
            record[name] -= days * 86_400
    path = home.record_file(ident)
    path.write_text(json.dumps(record))


def test_gc_removes_old_finished_records(home, client):
    door = home.root / "door"
    idents = [accept(client, stand_in.say("x")) for _ in range(3)]
    for ident in idents:
        wait_for_job(client, ident)
    running = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(running, "running")
    pending = accept(client, stand_in.say("x"))
    aged(home, idents[0], 8)
    aged(home, idents[1], 6)
    assert client.value("dispatch_gc") == {"purged": 1, "max_age_days": 7}
    assert not home.record_file(idents[0]).exists()
    assert client.value("dispatch_gc", {"max_age_days": 0.5}) == {"purged": 1, "max_age_days": 0.5}
    assert client.value("dispatch_gc", {"max_age_days": 1e-9})["purged"] == 1
    assert UNKNOWN not in refusal(client, "dispatch_status", {"job_id": idents[0]})
    assert {row["id"] for row in client.value("dispatch_jobs")} == {running, pending}
    assert home.cli("gc", "--all", "--json").json()["purged"] == 0
    door.touch()
    assert wait_for_job(client, pending)["status"] == "done"
    assert home.cli("gc", "--all", "--json").json()["purged"] == 2


@pytest.mark.parametrize("days", [0, -1, -0.001, "0", "nan", "inf", "soon", [7], "1e999"])
def test_gc_of_no_age_is_refused(home, client, days):
    ident = accept(client, stand_in.say("x"))
    wait_for_job(client, ident)
    assert "max_age_days" in refusal(client, "dispatch_gc", {"max_age_days": days})
    assert home.record(ident)["status"] == "done"


def test_old_records_are_removed_at_a_start_when_so_configured(home):
    home.write_config({"notes": {}}, settings={"job_retention_days": 5})
    client = home.serve()
    old, new = accept(client, stand_in.say("x")), accept(client, stand_in.say("x"))
    for ident in (old, new):
        wait_for_job(client, ident)
    wait_until(lambda: is_settled(home))
    aged(home, old, 6)
    aged(home, new, 4)
    home.kill_supervisor()
    client.value("dispatch_jobs")
    wait_until(lambda: not home.record_file(old).exists())
    assert home.record_file(new).exists()


# --- the commands ---


def test_an_async_dispatch_prints_its_id_and_is_gone(home):
    home.write_config({"notes": {}})
    door = home.root / "door"
    answer = home.cli("dispatch", "--async", "notes", stand_in.wait_for(door, "done"))
    assert answer.code == 0 and JOB_ID.match(answer.out.strip()) and answer.out.strip() in answer.err, answer
    ident = answer.out.strip()
    home.wait_for_status(ident, "running")
    as_json = home.cli("dispatch", "--async", "notes", stand_in.say("x"), "--json").json()
    assert as_json == {"job_id": as_json["job_id"], "status": "pending", "agent": "notes"}
    shown = home.cli("job", ident[:8])
    assert shown.code == 0 and ident in shown.out and "running" in shown.out, shown
    assert home.cli("job", ident, "--json").json() == home.record(ident)
    door.touch()
    assert home.cli("wait", ident, as_json["job_id"]).code == 0
    assert home.record(ident)["result"]["result"] == "done"
    wait_until(lambda: is_settled(home))


def test_an_async_dispatch_that_is_refused_fails(home):
    home.write_config({"notes": {}})
    answer = home.cli("dispatch", "--async", "nobody", "x")
    assert answer.code == 1 and "nobody" in answer.err and not answer.out, answer
    answer = home.cli("dispatch", "--async", "nobody", "x", "--json")
    assert answer.code == 1 and "nobody" in answer.json()["error"], answer


REF_MEMBERS = ["ref", "agent", "success", "size", "summary_chars", "summary"]


def test_dispatch_can_keep_its_answer_and_print_its_beginning(home):
    home.write_config({"notes": {}})
    text = "äöü€𝄞" * 200
    ref = home.dispatch("notes", stand_in.say(text), "--return-ref")
    assert list(ref)[:6] == REF_MEMBERS and JOB_ID.match(ref["ref"]) and "result" not in ref
    assert (ref["size"], ref["summary_chars"], ref["summary"]) == (1000, 500, text[:500])
    assert home.cli("job", ref["ref"], "--json").json()["result"]["result"] == text
    assert home.serve().value("fetch_result", {"ref": ref["ref"]})["result"] == text


@pytest.mark.parametrize("asked, shown", [("0", 0), ("=-3", 0), ("3", 3), ("1000000000", 10)])
def test_the_printed_beginning_is_as_long_as_asked(home, asked, shown):
    home.write_config({"notes": {}})
    option = [f"--summary-chars{asked}"] if asked.startswith("=") else ["--summary-chars", asked]
    ref = home.dispatch("notes", stand_in.say("0123456789"), "--return-ref", *option)
    assert (ref["summary_chars"], ref["summary"]) == (shown, "0123456789"[:shown])


def test_a_kept_answer_for_people_says_where_the_whole_is(home):
    home.write_config({"notes": {}})
    answer = home.cli("dispatch", "--return-ref", "--summary-chars", "4", "notes", stand_in.say("0123456789"))
    assert answer.code == 0 and answer.out == "0123\n", answer
    said = re.search(r"The whole answer \(10 characters\) is kept: agent-dispatch (job ([0-9a-f]{32}))\n", answer.err)
    assert "0123456789" in home.cli(*said[1].split()).out, answer
    assert home.record(said[2])["result"]["result"] == "0123456789"


def test_a_kept_failure_fails(home):
    home.write_config({"notes": {}})
    ref = home.dispatch("notes", stand_in.steps({"exit": 3}), "--return-ref")
    assert ref["success"] is False and ref["error_type"] == "cli_error" and ref["summary"] == ""
    answer = home.cli("dispatch", "--return-ref", "notes", stand_in.steps({"stderr": "boom"}, {"exit": 3}))
    assert answer.code == 1 and "boom" in answer.err and "is kept: agent-dispatch job" in answer.err, answer


def test_what_is_kept_and_what_is_not_waited_for_exclude_each_other(home):
    home.write_config({"notes": {}})
    answer = home.cli("dispatch", "--async", "--return-ref", "notes", "x")
    assert answer.code == 2 and "--return-ref" in answer.err, answer


def planted(home, ident, **more):
    """A finished record of ours with an id of our choice, copied from one."""
    (source,) = [p for p in home.jobs.glob("*.json") if json.loads(p.read_bytes()).get("owner")][:1]
    record = json.loads(source.read_bytes()) | {"id": ident} | more
    path = home.record_file(ident)
    path.write_text(json.dumps(record))
    path.chmod(0o600)


def test_a_prefix_that_is_unique_is_enough(home):
    home.write_config({"notes": {}})
    home.cli("wait", home.job("notes", stand_in.say("x")))
    one, two = "feedfeed" + "0" * 24, "feedbeef" + "0" * 24
    planted(home, one)
    planted(home, two)
    for command in ("job", "cancel", "wait", "follow"):
        assert home.cli(command, "feedf").code == 0, command
        for prefix, sentence in (("feed", "begin"), ("0f" * 10, "not found"), ("feedfeed" + "1" * 30, "not found")):
            answer = home.cli(command, prefix)
            assert answer.code == 1 and sentence in answer.err, answer
    retried = home.cli("retry", "feedb", "--json").json()["job_id"]
    assert home.record(retried)["retry_of"] == two
    home.cli("wait", retried)


def test_cancel_ends_jobs_by_command(home):
    home.write_config({"notes": {}})
    running = home.job("notes", stand_in.tell_then_hang("x"))
    pending = home.job("notes", stand_in.say("x"))
    home.wait_for_status(running, "running")
    answer = home.cli("cancel", pending[:12], "--json")
    assert answer.code == 0 and {**answer.json(), "message": ""} == {
        "job_id": pending, "outcome": "cancelled", "status": "cancelled", "message": "",
    }  # fmt: skip
    answer = home.cli("cancel", running)
    assert answer.code == 0 and running in answer.out, answer
    answer = home.cli("cancel", running, "--json")
    assert answer.code == 0 and answer.json()["outcome"] == "already_terminal"
    assert home.cli("wait", running).code == 1 and home.cli("wait", pending).code == 1
    wait_until(lambda: is_settled(home))


def test_wait_says_how_jobs_ended_by_its_exit_code(home):
    home.write_config({"notes": {"max_parallel": 3}})
    door = home.root / "door"
    good, bad = home.job("notes", stand_in.wait_for(door, "x")), home.job("notes", stand_in.steps({"exit": 2}))
    assert home.cli("wait", bad).code == 1
    given_up = home.cli("wait", good, "--timeout", "0.3")
    assert given_up.code == 124 and good in given_up.err, given_up
    given_up = home.cli("wait", good, bad, "--timeout", "0.3", "--json")
    assert given_up.code == 124 and given_up.json()[0]["timed_out_waiting"] is True, given_up
    assert "timed_out_waiting" not in given_up.json()[1]
    waiting = home.start("wait", good)
    both = home.start("wait", bad, good, "--json")
    door.touch()
    assert home.finish(waiting).code == 0
    ended = home.finish(both)
    assert ended.code == 1 and ended.json() == [home.record(bad), home.record(good)]
    assert home.cli("wait", good, "--json").json() == home.record(good)


@pytest.mark.parametrize("command", ["wait", "follow"])
def test_an_interrupted_command_leaves_the_job(home, command):
    home.write_config({"notes": {}})
    door = home.root / "door"
    ident = home.job("notes", stand_in.steps({"text": "at work"}, {"wait_for": str(door)}, {"text": "done"}))
    process = home.start(command, ident)
    if command == "follow":
        while "at work" not in process.stderr.readline():
            pass
    else:
        wait_until(lambda: home.status()["frontends"] >= 1)
    process.send_signal(signal.SIGINT)
    answer = home.finish(process)
    assert answer.code == 130 and ident in answer.err, answer
    assert home.record(ident)["status"] == "running"
    door.touch()
    assert home.cli("wait", ident).code == 0


def test_follow_shows_live_what_a_job_does(home):
    home.write_config({"notes": {}})
    door = home.root / "door"
    task = stand_in.steps({"text": "first"}, {"tool": "Bash"}, {"wait_for": str(door)}, {"text": "the answer"})
    ident = home.job("notes", task)
    process = home.start("follow", ident)
    seen = []
    while not seen or "Using tool: Bash" not in seen[-1]:
        seen.append(process.stderr.readline())
        assert seen[-1], "it ended"
    assert any("first" in line for line in seen) and process.poll() is None
    late = home.start("follow", ident, "--json")
    heard = late.stderr.readline() + late.stderr.readline()
    door.touch()
    answer = home.finish(process)
    assert answer.code == 0 and answer.out == "the answer\n", answer
    ended = home.finish(late)
    assert ended.code == 0 and ended.json() == home.record(ident) and "Using tool: Bash" in heard + ended.err
    assert home.cli("follow", home.job("notes", stand_in.steps({"exit": 2}))).code == 1


def test_a_retry_goes_on_in_the_session(home):
    home.write_config({"notes": {}})
    seen = home.root / "seen"
    script = stand_in.steps({"record": str(seen)}, {"exit": 2})
    first = home.job(
        "notes", script, "--context", "facts", "--caller", "shop", "--goal", "ship", "--timeout", "99",
        "--response-format", "json",
    )  # fmt: skip
    home.cli("wait", first)
    told = json.loads(seen.read_text())
    before = home.record_file(first).read_bytes()
    answer = home.cli("retry", first[:10], "--json")
    assert answer.code == 0 and answer.json().keys() == {"job_id", "status", "agent"}, answer
    second = answer.json()["job_id"]
    assert second != first and answer.json()["status"] == "pending"
    home.cli("wait", second)
    again, old, new = json.loads(seen.read_text()), home.record(first), home.record(second)
    assert home.record_file(first).read_bytes() == before
    assert again["argv"][again["argv"].index("--resume") + 1] == old["session_id"] and "--session-id" not in again["argv"]
    assert again["stdin"] == told["stdin"] and new["retry_of"] == first
    for name in ("agent", "task", "context", "caller", "goal", "request"):
        assert new[name] == old[name]
    check_record(new)


def test_a_retry_of_what_never_ran_starts_a_session(home):
    home.write_config({"notes": {}})
    seen, door = home.root / "seen", home.root / "door"
    blocker = home.job("notes", stand_in.wait_for(door, "x"))
    ident = home.job("notes", stand_in.steps({"record": str(seen)}, {"text": "x"}))
    home.cli("cancel", ident)
    refused = home.cli("retry", blocker)
    assert refused.code == 1 and "not finished" in refused.err, refused
    door.touch()
    answer = home.cli("retry", ident)
    assert answer.code == 0 and JOB_ID.match(answer.out.strip()), answer
    assert home.cli("wait", answer.out.strip(), blocker).code == 0
    assert "--resume" not in json.loads(seen.read_text())["argv"]


def test_a_retry_of_what_could_not_start_starts_a_session(home):
    """Its record was marked as running, and its directory was missing then."""
    home.write_config({"notes": {}})
    directory, seen = home.agent_directory("notes"), home.root / "seen"
    aside = directory.rename(home.root / "aside")
    ident = home.job("notes", stand_in.steps({"record": str(seen)}, {"text": "x"}))
    assert home.cli("wait", ident).code == 1
    refused = home.record(ident)
    assert refused["status"] == "failed" and refused["result"]["error_type"] == "not_found", refused
    aside.rename(directory)
    again = home.cli("retry", ident).out.strip()
    assert home.cli("wait", again).code == 0, home.record(again)
    assert "--resume" not in json.loads(seen.read_text())["argv"]


def test_a_retry_of_what_could_not_go_on_goes_on_in_its_session(home):
    home.write_config({"notes": {}})
    directory, seen = home.agent_directory("notes"), home.root / "seen"
    first = home.job("notes", stand_in.steps({"record": str(seen)}, {"exit": 2}))
    assert home.cli("wait", first).code == 1
    aside = directory.rename(home.root / "aside")
    second = home.cli("retry", first).out.strip()
    assert home.cli("wait", second).code == 1 and home.record(second)["result"]["error_type"] == "not_found"
    aside.rename(directory)
    third = home.cli("retry", second).out.strip()
    home.cli("wait", third)
    argv = json.loads(seen.read_text())["argv"]
    assert argv[argv.index("--resume") + 1] == home.record(first)["session_id"]


# --- whose job it is ---


def test_jobs_are_everybodys(home, client):
    door = home.root / "door"
    mine = accept(client, stand_in.tell_then_hang("x"))
    commands = home.job("other", stand_in.wait_for(door, "done"))
    second = home.serve()
    for rows in (client.value("dispatch_jobs"), second.value("dispatch_jobs"), home.cli("jobs", "--json").json()):
        assert {row["id"] for row in rows} == {mine, commands}
    home.wait_for_status(mine, "running")
    assert second.value("dispatch_cancel", {"job_id": mine})["outcome"] == "cancelled_running"
    waiting = second.start_call("dispatch_wait", {"job_id": commands})
    door.touch()
    assert text_value(waiting.wait()["result"])["status"] == "done"


@pytest.mark.parametrize("how", ["end of input", signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_job_outlives_its_client(home, client, how):
    door, ran = home.root / "door", home.root / "ran"
    running = accept(client, stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "done"}))
    pending = accept(client, stand_in.steps(stand_in.count(ran), {"text": "then this"}))
    home.wait_for_status(running, "running")
    if how == "end of input":
        client.close()
    else:
        client.end_with(how)
    second = home.serve()
    assert second.value("dispatch_status", {"job_id": running})["status"] == "running"
    door.touch()
    assert wait_for_job(second, running)["result"]["result"] == "done"
    assert wait_for_job(second, pending)["result"]["result"] == "then this"
    assert stand_in.executions(ran) == 2
    wait_until(lambda: is_settled(home))


def test_a_client_that_dies_while_it_waits_harms_nothing(home, client):
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    client.start_call("dispatch_wait", {"job_id": ident})
    assert client.request("ping")["result"] == {}
    client.end_with(signal.SIGKILL)
    door.touch()
    assert home.cli("wait", ident).code == 0
    wait_until(lambda: is_settled(home))


def test_stop_waits_for_jobs(home):
    home.write_config({"notes": {}, "other": {}})
    door = home.root / "door"
    ident = home.job("notes", stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    stopping = home.start("stop")
    # It takes nothing new any more: the order has arrived.
    wait_until(lambda: "stopping" in home.cli("dispatch", "other", stand_in.say("x")).err)
    assert stopping.poll() is None and home.record(ident)["status"] == "running"
    door.touch()
    assert home.finish(stopping).code == 0
    assert home.record(ident)["status"] == "done"
    wait_until(lambda: not home.supervisors())


def test_stop_now_cancels_jobs(home):
    home.write_config({"notes": {}})
    ran = home.root / "ran"
    running = home.job("notes", stand_in.steps({"cost": 0.25}, {"text": "x"}, {"hang": True}))
    pending = home.job("notes", stand_in.steps(stand_in.count(ran), {"text": "x"}))
    home.wait_for_status(running, "running")
    wait_until(lambda: "progress" in home.record(running))
    answer = home.cli("stop", "--now", "--json")
    assert answer.code == 0 and [row["agent"] for row in answer.json()["ended"]] == ["notes"], answer
    first, second = check_record(home.record(running)), check_record(home.record(pending))
    assert first["status"] == second["status"] == "cancelled" and first["result"]["cost_usd"] == 0.25
    assert "started_at" not in second and stand_in.executions(ran) == 0
    wait_until(lambda: not home.supervisors())
    assert not home.agents_running() and not home.run_directories() and not home.request_files()


def test_the_jobs_of_an_embedded_server_end_with_it(home):
    home.write_config({"notes": {}})
    client = home.serve(env=home.env(AGENT_DISPATCH_EMBEDDED="1"))
    ident = accept(client, stand_in.tell_then_hang("x"))
    wait_until(lambda: "progress" in home.record(ident))
    client.close()
    wait_until(lambda: not home.agents_running() and not home.supervisors(), 15)
    record = check_record(home.record(ident))
    assert record["status"] == "failed" and record["session_id"] in record["error"]


# --- strange files in the jobs directory ---

PYTHON = {"agent": "notes", "task": "of the Python program"}


def test_strange_files_are_passed_over_and_left_alone(home, client):
    real = accept(client, stand_in.say("x"))
    wait_for_job(client, real)
    secret = home.root / "secret"
    secret.write_text("hush-hush")
    ids = {name: uuid.uuid4().hex for name in (
        "half", "empty", "array", "types", "another id", "symlink", "dangling", "fifo", "directory", "bytes", "nested",
    )}  # fmt: skip
    path = {name: home.record_file(ident) for name, ident in ids.items()}
    whole = {"agent": "notes", "task": "t", "status": "done", "created_at": 1}
    path["half"].write_text('{"id": "' + ids["half"] + '", "agent": "no')
    path["empty"].write_text("")
    path["array"].write_text("[1, 2]")
    path["types"].write_text(json.dumps(whole | {"id": ids["types"], "status": 7}))
    path["another id"].write_text(json.dumps(whole | {"id": ids["half"]}))
    path["symlink"].symlink_to(secret)
    path["dangling"].symlink_to(home.root / "nowhere")
    os.mkfifo(path["fifo"])
    path["directory"].mkdir()
    path["bytes"].write_bytes(b"\xff\xfe{}")
    path["nested"].write_text("[" * 100_000)
    for name in ("notes.txt", ".hidden", "short.json", "A" * 32 + ".json", "x" * 200 + ".json"):
        (home.jobs / name).write_text(json.dumps(whole | {"id": real}))
    before = {entry.name: os.lstat(entry) for entry in home.jobs.iterdir() if not entry.name.startswith(".")}

    assert [row["id"] for row in client.value("dispatch_jobs", {"limit": 1000})] == [real]
    for name, ident in ids.items():
        for tool, key in (("dispatch_status", "job_id"), ("dispatch_cancel", "job_id"), ("fetch_result", "ref")):
            assert "hush" not in refusal(client, tool, {key: ident}), name
        assert refusal(client, "dispatch_wait", {"job_id": ident, "timeout_seconds": 5}), name
        assert home.cli("job", ident).code == 1
    home.kill_supervisor()
    second = accept(client, stand_in.say("y"))
    assert wait_for_job(client, second)["result"]["result"] == "y"
    assert client.value("dispatch_gc", {"max_age_days": 1e-9})["purged"] == 2
    after = {entry.name: os.lstat(entry) for entry in home.jobs.iterdir() if not entry.name.startswith(".")}
    del before[f"{real}.json"]
    assert {n: (s.st_ino, s.st_size, s.st_mtime_ns) for n, s in before.items()} == {
        n: (s.st_ino, s.st_size, s.st_mtime_ns) for n, s in after.items()
    }
    assert secret.read_text() == "hush-hush"


def test_a_record_in_the_place_of_a_live_job_is_never_followed(home, client):
    """Somebody replaces the record of a running job by a link: the target stays, the job ends, nobody hangs."""
    door, target = home.root / "door", home.root / "target"
    target.write_text("mine")
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    home.record_file(ident).unlink()
    home.record_file(ident).symlink_to(target)
    waiting = client.start_call("dispatch_wait", {"job_id": ident, "timeout_seconds": 20})
    door.touch()
    answer = text_value(waiting.wait()["result"])
    assert answer.get("error") or answer["result"]["result"] == "done", answer
    assert target.read_text() == "mine"
    if home.record_file(ident).is_symlink():
        home.record_file(ident).unlink()
    wait_until(lambda: is_settled(home), 20)


def store_python(home, ident, status, age=0, **more):
    path = home.record_file(ident)
    now = time.time()
    record = PYTHON | {"id": ident, "status": status, "created_at": now - age, "pid": 4711} | more
    path.write_text(json.dumps(record))
    path.chmod(0o600)
    os.utime(path, (now - age, now - age))
    return record


def test_records_of_the_python_program_are_jobs(home, client):
    client.value("dispatch_jobs")
    done, running, pending = (f"{number:032x}" for number in (1, 2, 3))
    result = {"agent": "notes", "success": True, "result": "from Python", "cost_usd": 0.5}
    kept = store_python(home, done, "done", 100, started_at=time.time() - 99, completed_at=time.time() - 90, result=result)
    live = store_python(home, running, "running", 60, started_at=time.time() - 59, progress=["busy"])
    store_python(home, pending, "pending", 30)
    assert client.value("dispatch_status", {"job_id": done}) == kept
    assert client.value("fetch_result", {"ref": done}) == result
    assert [row["id"] for row in client.value("dispatch_jobs")] == [pending, running, done]
    answer = client.value("dispatch_cancel", {"job_id": running})
    assert (answer["outcome"], answer["status"]) == ("running", "running") and answer["message"]
    assert home.cli("cancel", running).code == 1
    assert home.record(running) == live
    assert client.value("dispatch_cancel", {"job_id": done})["outcome"] == "already_terminal"
    assert client.value("dispatch_cancel", {"job_id": pending})["outcome"] == "cancelled"
    assert home.record(pending)["status"] == "cancelled" and home.record(pending)["pid"] == 4711
    waiting = client.start_call("dispatch_wait", {"job_id": running})
    home.record_file(running).with_suffix(".new").write_text(
        json.dumps(live | {"status": "done", "completed_at": time.time(), "result": result})
    )
    os.rename(home.record_file(running).with_suffix(".new"), home.record_file(running))
    assert text_value(waiting.wait()["result"])["result"] == result, "its end is noticed, by whoever writes it"


def test_abandoned_records_of_the_python_program_become_failed(home):
    home.write_config({"notes": {}})
    home.jobs.mkdir(mode=0o700)
    silent, late, waiting, ancient = (f"{number:032x}" for number in (1, 2, 3, 4))
    store_python(home, silent, "running", 3700)
    fresh = store_python(home, late, "running", 3500)
    young = store_python(home, waiting, "pending", 23 * 3600)
    store_python(home, ancient, "pending", 25 * 3600)
    client = home.serve()
    client.value("dispatch_jobs")
    for ident in (silent, ancient):
        record = home.wait_for_status(ident, "failed")
        assert record["error"] and record["pid"] == 4711 and record["completed_at"]
    assert home.record(late) == fresh and home.record(waiting) == young


def test_another_program_that_ends_a_job_of_ours_has_the_last_word(home, client):
    """A terminal state on disk wins, and the run of the job is ended."""
    ident = accept(client, stand_in.steps({"text": "one"}, {"sleep": 2500}, {"text": "two"}, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    with open(home.jobs / ".jobs.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = home.record(ident) | {"status": "cancelled", "error": "by Python", "completed_at": time.time()}
        draft = home.jobs / f".{ident}.draft"
        draft.write_text(json.dumps(record))
        os.rename(draft, home.record_file(ident))
    assert wait_for_job(client, ident)["error"] == "by Python"
    wait_until(lambda: is_settled(home), 15)
    after = home.record(ident)
    assert {k: v for k, v in after.items() if k != "result"} == record


# --- nested ---


@pytest.mark.parametrize("agent", ["other", "notes"])
def test_an_agent_that_waits_for_a_job_of_its_own_completes(home, agent):
    """One slot for both, and the second time one seat as well."""
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    inner = home.root / "inner"
    inner.write_text(stand_in.say("from the job"))
    command = f'id=$(agent-dispatch dispatch --async {agent} "$(cat {inner})") && agent-dispatch wait $id && agent-dispatch job $id'
    result = home.dispatch("notes", stand_in.steps({"run": command}))
    assert result["success"] and "from the job" in result["result"], result
    (row,) = home.cli("jobs", "--json").json()
    assert row["status"] == "done" and row["agent"] == agent
    wait_until(lambda: is_settled(home))


def test_a_job_whose_agent_waits_for_a_job_completes(home):
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    inner = home.root / "inner"
    inner.write_text(stand_in.say("from the second"))
    command = f'id=$(agent-dispatch dispatch --async other "$(cat {inner})") && agent-dispatch follow $id'
    ident = home.job("notes", stand_in.steps({"run": command}))
    assert home.cli("wait", ident, seconds=60).code == 0
    assert "from the second" in home.record(ident)["result"]["result"]
    wait_until(lambda: is_settled(home))


def test_a_job_of_a_nested_agent_outlives_it(home):
    home.write_config({"notes": {}, "other": {}})
    inner, door = home.root / "inner", home.root / "door"
    inner.write_text(stand_in.wait_for(door, "later"))
    result = home.dispatch("notes", stand_in.steps({"run": f'agent-dispatch dispatch --async other "$(cat {inner})"'}))
    ident = re.search(r"[0-9a-f]{32}", result["result"]).group()
    home.wait_for_status(ident, "running")
    door.touch()
    assert home.cli("wait", ident).code == 0 and home.record(ident)["result"]["result"] == "later"


# --- no room, no access ---


@pytest.fixture
def small_disk(home):
    """A jobs directory on a file system of its own, of 256 KiB. Skips where none may be mounted."""
    home.jobs.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none", str(home.jobs)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield home
    subprocess.run(["umount", "-l", str(home.jobs)], check=True)


def fill(home):
    """Takes all that is left of the room."""
    filler = home.jobs / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return filler


def test_a_job_is_refused_when_the_disk_is_full(small_disk):
    home = small_disk
    home.write_config({"notes": {}})
    client, ran = home.serve(), home.root / "ran"
    wait_for_job(client, accept(client, stand_in.say("x")))
    filler = fill(home)
    value = client.value("dispatch_async", {"agent": "notes", "task": stand_in.steps(stand_in.count(ran))})
    assert value["error"] and "job_id" not in value, value
    answer = home.cli("dispatch", "--async", "notes", stand_in.steps(stand_in.count(ran)))
    assert answer.code == 1 and "No space left" in answer.err and not answer.out.strip(), answer
    assert len(client.value("dispatch_jobs")) == 1 and not [p for p in home.jobs.iterdir() if p.stat().st_size == 0 and p.suffix == ".json"]
    filler.unlink()
    assert wait_for_job(client, accept(client, stand_in.say("again")))["result"]["result"] == "again"
    wait_until(lambda: is_settled(home))
    assert stand_in.executions(ran) == 0


def test_an_answer_is_delivered_when_the_disk_is_full(small_disk):
    home = small_disk
    home.write_config({"notes": {}, "other": {}})
    client, door = home.serve(), home.root / "door"
    ident = accept(client, stand_in.steps({"wait_for": str(door)}, {"huge_result": 9000}))
    home.wait_for_status(ident, "running")
    filler = fill(home)
    ref = client.value("dispatch", {"agent": "other", "task": stand_in.say("here it is"), "return_ref": True})
    assert ref["success"] and ref["result"] == "here it is" and "ref" not in ref and ref["hint"], ref
    waiting = client.start_call("dispatch_wait", {"job_id": ident})
    door.touch()
    record = text_value(waiting.wait()["result"])
    assert record["result"]["result"] == "r" * 9000 and record["status"] == "done" and record["hint"], record.keys()
    fetched = client.value("fetch_result", {"ref": ident})
    assert fetched["result"] == "r" * 9000
    assert home.record(ident)["status"] == "running", "the test filled the disk"
    filler.unlink()
    ended = home.ended_job(ident)
    assert ended["status"] == "done" and ended["result"] == record["result"]
    wait_until(lambda: is_settled(home))


def test_a_result_that_could_not_be_written_survives_its_supervisor(small_disk):
    home = small_disk
    home.write_config({"notes": {}})
    client, door, ran = home.serve(), home.root / "door", home.root / "ran"
    ident = accept(client, stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"huge_result": 9000}))
    home.wait_for_status(ident, "running")
    filler = fill(home)
    door.touch()
    assert wait_for_job(client, ident)["result"]["result"] == "r" * 9000
    home.kill_supervisor()
    filler.unlink()
    assert wait_for_job(client, ident)["result"]["result"] == "r" * 9000
    assert home.ended_job(ident)["status"] == "done" and stand_in.executions(ran) == 1
    wait_until(lambda: is_settled(home))


def test_a_job_is_ended_although_its_cancel_finds_no_room(small_disk):
    """What runs may be what takes the room."""
    home = small_disk
    home.write_config({"notes": {}})
    ident = home.job("notes", stand_in.steps({"cost": 0.25}, {"text": "x"}, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    filler = fill(home)
    answer = home.cli("cancel", ident)
    assert answer.code == 1 and "No space left" in answer.err and "ended all the same" in answer.err, answer
    wait_until(lambda: not home.agents_running())
    filler.unlink()
    record = check_record(home.ended_job(ident))
    assert record["status"] == "cancelled" and record["result"]["cost_usd"] == 0.25, record
    wait_until(lambda: is_settled(home))


def test_a_stop_now_ends_jobs_whose_records_are_locked(home):
    """Another program holds the directory's lock for longer than anybody waits."""
    home.write_config({"notes": {}})
    ident = home.job("notes", stand_in.hang())
    home.wait_for_status(ident, "running")
    with open(home.jobs / ".jobs.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stopping = home.start("stop", "--now")
        wait_until(lambda: not home.agents_running(), seconds=40)
    assert home.finish(stopping, 60).code == 0
    # Without room in its time for the end, the record is the next supervisor's to write.
    client = home.serve()
    assert wait_for_job(client, ident)["status"] in ("cancelled", "failed")
    wait_until(lambda: is_settled(home))


def test_a_lock_that_is_never_given_back_is_an_error_and_no_end(home, client):
    """Another program holds the directory's lock: ten seconds are waited, then the caller is told."""
    door = home.root / "door"
    ident = accept(client, stand_in.wait_for(door, "done"))
    home.wait_for_status(ident, "running")
    with open(home.jobs / ".jobs.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pending = client.start_call("dispatch_async", {"agent": "other", "task": stand_in.say("x")})
        # Reading needs no lock.
        assert client.value("dispatch_status", {"job_id": ident})["status"] == "running"
        assert home.dispatch("other", stand_in.say("y"))["result"] == "y"
        value = text_value(pending.wait(40)["result"])
        assert value["error"] and "job_id" not in value, value
    door.touch()
    assert wait_for_job(client, ident)["status"] == "done"
    wait_until(lambda: is_settled(home))
